"""Antialias silhouettes on the CPU, as `clipface_cli.render.antialias` specifies it."""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.geometry.jit import array, indices
from clipface_cli.render.backends.cpu._silhouettes import blend, blend_backward, find_edges


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology: Tensor | None,
    boost: float,
) -> Tensor:
    """Colours (B, H, W, C) blended across silhouette edges; topology from `topology_hash`."""
    topology = topology_hash(tri) if topology is None else topology
    out: Tensor = _Antialias.apply(color, rast, pos, tri, topology, boost)  # type: ignore[no-untyped-call]
    return out


def topology_hash(tri: Tensor) -> Tensor:
    """(F, 3): across the edge opposite to each corner, the far corner, 3 * triangle + corner.

    -1 where the edge is a border, or where more than two triangles meet.
    """
    edges = np.sort(indices(tri)[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    _, starts, counts = np.unique(edges[order], axis=0, return_index=True, return_counts=True)
    first = starts[counts == 2]
    opposite = np.full(len(edges), -1)
    opposite[order[first]] = order[first + 1]
    opposite[order[first + 1]] = order[first]
    return torch.from_numpy(opposite.reshape(-1, 3))


def outline_edges(rast: Tensor, pos: Tensor, tri: Tensor, topology: Tensor) -> Tensor:
    """Image, pixel y, x, axis, direction and edge (N, 7) of each outline of `rasterize_front`'s.

    The pixel sees the nearer surface; axis 0 is x; direction 1 leads to the higher index.
    """
    ids, points = array(rast[..., 3].int()) - 1, array(pos)
    starts, items, shares = find_edges(ids, points, indices(tri), indices(topology), False)
    target, source = items[:, 0:2], items[:, 2:4]  # y, x; the target sees the surface or does not
    inside = (shares >= 0)[:, None]
    near, next_to = np.where(inside, target, source), np.where(inside, source, target)
    image = np.repeat(np.arange(len(ids)), np.diff(starts))
    axis = target[:, 1] == source[:, 1]
    forward = (next_to > near).any(1)
    edges = np.column_stack([image, near, axis, forward, items[:, 4:6]])
    return torch.from_numpy(edges.astype(np.int64))


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        color: Tensor,
        rast: Tensor,
        pos: Tensor,
        tri: Tensor,
        opposite: Tensor,
        boost: float,
    ) -> Tensor:
        out = color.clone(memory_format=torch.contiguous_format)
        meshes = array(pos if pos.ndim == 3 else pos[None])
        ids = array(rast[..., 3].int()) - 1
        ctx.edges = find_edges(ids, meshes, indices(tri), indices(opposite), False)
        ctx.difference = blend(array(out), *ctx.edges)
        ctx.boost = boost
        ctx.save_for_backward(pos)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (pos,) = ctx.saved_tensors
        grad_color = grad.clone(memory_format=torch.contiguous_format)
        meshes = array(pos if pos.ndim == 3 else pos[None])
        moves = np.zeros(meshes.shape)
        blend_backward(array(grad_color), meshes, ctx.difference, moves, *ctx.edges)
        grad_pos = torch.from_numpy(moves * ctx.boost).to(pos.dtype).view_as(pos)
        return grad_color, None, grad_pos, None, None, None
