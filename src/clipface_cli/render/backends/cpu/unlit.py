"""Unlit textured heads on the CPU: the four operations as one step, with what is prepared fused.

Differs from calling them one by one in what a head allows: back faces are dropped (a head is
closed; through a mouth left out shows the background), a pixel is rasterised, interpolated and
sampled in one go, colours are planar, and images have row 0 at the top.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.geometry.jit import Array, array, indices, parallel
from clipface_cli.render.backends.cpu._raster import vertex_parts
from clipface_cli.render.backends.cpu._silhouettes import blend_backward
from clipface_cli.render.backends.cpu._unlit_backward import backward_pos, backward_texture
from clipface_cli.render.backends.cpu._unlit_forward import paint, upright
from clipface_cli.render.backends.cpu._unlit_setup import Triangles
from clipface_cli.render.backends.protocol import Mesh

_CHUNK = 8  # images of a batch that are painted at a time, so that intermediate results stay small


def draw(
    pos: Tensor, texture: Tensor, mesh: Mesh, resolution: int, background: Tensor
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; background
    (1 or B, 3, 1 or H, 1 or W). Gradients reach pos and texture.
    """
    triangles = indices(mesh.faces), indices(mesh.topology), array(mesh.corner_uv)
    learns = torch.is_grad_enabled() and (pos.requires_grad or texture.requires_grad)
    image, alpha = _Draw.apply(  # type: ignore[no-untyped-call]
        pos, texture, triangles, resolution, background, learns
    )
    return image, alpha


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pos: Tensor,
        texture: Tensor,
        triangles: Triangles,
        resolution: int,
        background: Tensor,
        learns: bool,
    ) -> Any:
        points, texels, behind = array(pos), array(texture), array(background)
        batch, size = len(points), (resolution, resolution)
        image = np.empty((batch, 3, *size), np.float32)  # unlike PyTorch, NumPy asks for huge pages
        alpha = np.empty((batch, 1, *size), np.float32)
        kept = batch if learns else min(batch, _CHUNK)
        ids = np.empty((kept, *size), np.int32)
        uv = np.empty((kept if learns else 0, *size, 2), np.float32)
        ctx.blends = []
        for some in _chunks(batch):
            seen = some if learns else slice(0, some.stop - some.start)
            out = ids[seen], uv[seen], image[some], alpha[some]
            tex, sky = _items(texels, some), _items(behind, some)
            ctx.blends.append(paint(points[some], triangles, tex, sky, out))
        ctx.save_for_backward(pos, texture)
        ctx.triangles, ctx.seen = triangles, (ids, uv)
        ctx.set_materialize_grads(False)
        return torch.from_numpy(image), torch.from_numpy(alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor | None, grad_alpha: Tensor | None) -> Any:
        (pos, texture), (ids, uv) = ctx.saved_tensors, ctx.seen
        points, texels, moves = array(pos), array(texture), np.zeros(pos.shape)
        grad_texture, workers = np.zeros(texels.shape, np.float32), torch.get_num_threads()
        for some, (edges, *differences) in zip(_chunks(len(points)), ctx.blends, strict=True):
            mesh, own = points[some], moves[some]
            if grad_alpha is not None:
                _unblended(grad_alpha[some], mesh, differences[1], own, edges)
            if grad_image is None:
                continue
            color = _unblended(grad_image[some], mesh, differences[0], own, edges)
            if ctx.needs_input_grad[1]:
                sums = _items(grad_texture, some)
                painted, corners = (ids[some], uv[some], color, sums), ctx.triangles[2]
                parallel(backward_texture, workers, *painted, corners, workers)
            if ctx.needs_input_grad[0]:
                parts, skin = vertex_parts(mesh), _items(texels, some)
                head = ctx.triangles[0], ctx.triangles[2], skin
                tasks, shown = parts.shape[0] * parts.shape[1], (ids[some], uv[some], color)
                parallel(backward_pos, tasks, mesh, head, *shown, parts)
                own += parts.sum(axis=1)
        learns_texture = grad_image is not None and ctx.needs_input_grad[1]
        return (
            torch.from_numpy(moves).to(pos.dtype) if ctx.needs_input_grad[0] else None,
            torch.from_numpy(grad_texture) if learns_texture else None,
            *[None] * 4,
        )


def _chunks(batch: int) -> list[slice]:
    """Parts of a batch whose passing results stay small."""
    return [slice(i, min(i + _CHUNK, batch)) for i in range(0, batch, _CHUNK)]


def _items(values: Array, some: slice) -> Array:
    """Some items' values, or the one that all share."""
    return values if len(values) == 1 else values[some]


def _unblended(grad: Tensor, pos: Array, difference: Array, moves: Array, edges: Any) -> Array:
    """Gradients to the picture before blending; those to vertices are added to moves."""
    before = np.empty(grad.shape, np.float32)
    torch.from_numpy(before).copy_(grad)
    blend_backward(upright(before), pos, difference, moves, *edges)
    return before
