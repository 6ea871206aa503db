"""Rasterise triangles on the CPU, as `clipface_cli.render.rasterize` specifies it."""

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.geometry.jit import Array, array, indices, parallel
from clipface_cli.render.backends.cpu._raster import backward, forward, vertex_parts


def rasterize(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None, grad_db: bool
) -> tuple[Tensor, Tensor]:
    """rast and rast_db (B, H, W, 4) of pos (B, V, 4), or (V, 4) with ranges (B, 2)."""
    rast, rast_db = _Rasterize.apply(  # type: ignore[no-untyped-call]
        pos, tri, _spans(pos, tri, ranges), resolution, grad_db, False
    )
    return rast, rast_db


def rasterize_front(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> Tensor:
    """rast (B, H, W, 4) of what turns counter-clockwise; other triangles hide nothing."""
    rast, _ = _Rasterize.apply(  # type: ignore[no-untyped-call]
        pos, tri, _spans(pos, tri, None), resolution, True, True
    )
    return rast


def _spans(pos: Tensor, tri: Tensor, ranges: Tensor | None) -> Tensor:
    """First triangle and the one after the last of each image (B, 2)."""
    if ranges is None:
        return torch.tensor([[0, len(tri)]], device="cpu").expand(len(pos), 2)
    return ranges.long().cumsum(1)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pos: Tensor,
        tri: Tensor,
        spans: Tensor,
        resolution: tuple[int, int],
        grad_db: bool,
        cull: bool,
    ) -> Any:
        rast, rast_db = (pos.new_empty(len(spans), *resolution, 4) for _ in range(2))
        arrays = _meshes(pos), indices(tri), indices(spans), array(rast), array(rast_db)
        forward(*arrays, cull)
        ctx.save_for_backward(pos, tri, rast)
        ctx.grad_db = grad_db
        ctx.set_materialize_grads(False)
        return rast, rast_db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_rast: Tensor | None, grad_db: Tensor | None) -> Any:
        pos, tri, rast = ctx.saved_tensors
        nothing = rast.new_zeros(1, 1, 1, 4).expand(rast.shape)
        grad_rast = nothing if grad_rast is None else grad_rast
        grad_db = nothing if grad_db is None or not ctx.grad_db else grad_db
        meshes = _meshes(pos)
        parts = vertex_parts(meshes)
        arrays = array(rast), array(grad_rast), array(grad_db), parts
        parallel(backward, parts.shape[0] * parts.shape[1], meshes, indices(tri), *arrays)
        grad_pos = torch.from_numpy(parts.sum(axis=1)).to(pos.dtype).view_as(pos)
        return grad_pos, None, None, None, None, None


def _meshes(pos: Tensor) -> Array:
    return array(pos if pos.ndim == 3 else pos[None])
