"""Unlit textured heads on the CPU: the four operations as one step, with what is known fused.

Differs from calling them one by one in what a head allows: back faces are dropped (a head is
closed; through a mouth left out shows the background), UV and colour are found in one pass over
the pixels, colours are planar, and images have row 0 at the top.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._jit import Array, array, device, get_num_threads, kernel, prange
from clipface_cli.render.antialias import blend, blend_backward, find_edges
from clipface_cli.render.rasterize import (
    BANDS,
    add_weights,
    band,
    flush,
    line,
    project,
    rasterize_band,
    row_ranges,
    vertex_parts,
    workspace,
)
from clipface_cli.render.texture import bilinear, owner

Topology = tuple[Array, Array, Array]


def draw(
    pos: Tensor, texture: Tensor, topology: Topology, resolution: int, background: float
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; topology: faces
    (F, 3), the vertices across their edges (F, 3), and their corners' coordinates in the texture
    (F, 3, 2). Gradients reach pos and texture.
    """
    image, alpha = _Draw.apply(  # type: ignore[no-untyped-call]
        pos, texture, topology, resolution, background
    )
    return image, alpha


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pos: Tensor,
        texture: Tensor,
        topology: Topology,
        resolution: int,
        background: float,
    ) -> Any:
        faces, opposite, corners = topology
        points, texels, threads = array(pos), array(texture), get_num_threads()
        rast = np.empty((len(pos), resolution, resolution, 4), np.float32)
        image = np.empty((len(pos), 3, resolution, resolution), np.float32)
        alpha = np.empty((len(pos), 1, resolution, resolution), np.float32)
        arrays = points, faces, corners, texels
        _draw_kernel(*arrays, background, (rast, image, alpha), threads)
        ctx.edges = find_edges(rast, points, faces, opposite)
        ctx.differences = [blend(_upright(color), *ctx.edges) for color in (image, alpha)]
        ctx.save_for_backward(pos, texture)
        ctx.topology, ctx.rast = topology, rast
        ctx.set_materialize_grads(False)
        return torch.from_numpy(image), torch.from_numpy(alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor | None, grad_alpha: Tensor | None) -> Any:
        (pos, texture), (faces, _, corners) = ctx.saved_tensors, ctx.topology
        points, texels, threads = array(pos), array(texture), get_num_threads()
        parts = vertex_parts(points)
        outline = np.zeros(pos.shape)
        for grad, difference in zip((grad_alpha, grad_image), ctx.differences[::-1], strict=True):
            if grad is not None:
                color = array(grad.clone(memory_format=torch.contiguous_format))
                blend_backward(_upright(color), points, difference, outline, *ctx.edges)
        grad_texture = grad_pos = None
        if grad_image is not None and ctx.needs_input_grad[1]:
            grad_texture = texture.new_zeros(texture.shape)
            _paint_backward_texture(ctx.rast, corners, color, array(grad_texture), threads)
        if ctx.needs_input_grad[0]:
            if grad_image is not None:
                _paint_backward_pos(points, faces, ctx.rast, corners, texels, color, parts)
            grad_pos = torch.from_numpy(parts.sum(axis=1) + outline).to(pos.dtype)
        return grad_pos, grad_texture, None, None, None


def _upright(planar: Array) -> Array:
    """(B, C, H, W) with row 0 at the top, seen as the operations' (B, H, W, C) from below."""
    return planar[:, :, ::-1].transpose(0, 2, 3, 1)


@device
def _coordinates(corners: Array, f: int, u: float, v: float) -> tuple[float, float]:
    """A pixel's place in the texture from its triangle and weights."""
    w = 1 - u - v
    return (
        u * corners[f, 0, 0] + v * corners[f, 1, 0] + w * corners[f, 2, 0],
        u * corners[f, 0, 1] + v * corners[f, 1, 1] + w * corners[f, 2, 1],
    )


@kernel
def _draw_kernel(
    pos: Array, tri: Array, corners: Array, tex: Array, background: float, out: Any, workers: int
) -> None:
    """Fill rast, image and alpha, not antialiased."""
    rast, image, alpha = out
    batch, height, width = rast.shape[:3]
    points = project(pos, height, width)
    rows = row_ranges(points, tri, height, width, True)
    for worker in prange(workers):
        work = workspace(height, width)
        for task in range(worker, batch * BANDS, workers):
            b, (low, high) = task // BANDS, band(task % BANDS, height)
            mesh, source = (pos[b], tri, points[b], rows[b]), tex[b % tex.shape[0]]
            rasterize_band(mesh, low, high, True, work, rast[b])
            for y in range(low, high):
                top = height - 1 - y
                target = image[b, :, top], alpha[b, 0, top]
                _paint_row(rast[b, y], corners, source, background, target)


@device
def _paint_row(rast: Array, corners: Array, tex: Array, background: float, target: Any) -> None:
    """Colour (3, W) and coverage (W,) of a row's pixels."""
    image, alpha = target
    for x in range(rast.shape[0]):
        f = np.int64(rast[x, 3]) - 1
        if f < 0:
            image[0, x] = image[1, x] = image[2, x] = background
            alpha[x] = 0
            continue
        s, t = _coordinates(corners, f, rast[x, 0], rast[x, 1])
        i0, i1, wx = bilinear(s, tex.shape[2], False)
        j0, j1, wy = bilinear(t, tex.shape[1], False)
        for c in range(3):
            first = tex[c, j0, i0] * (1 - wx) + tex[c, j0, i1] * wx
            second = tex[c, j1, i0] * (1 - wx) + tex[c, j1, i1] * wx
            image[c, x] = first * (1 - wy) + second * wy
        alpha[x] = 1


@kernel
def _paint_backward_texture(
    rast: Array, corners: Array, grad: Array, grad_tex: Array, workers: int
) -> None:
    """Scatter to texels: each thread owns some texel rows, so that no two write to one place."""
    batch, height, width = rast.shape[:3]
    rows, columns = grad_tex.shape[2:]
    for worker in prange(workers):
        for row in range(batch * height):
            b, y = row // height, row % height
            target, top = grad_tex[b % grad_tex.shape[0]], height - 1 - y
            for x in range(width):
                f = np.int64(rast[b, y, x, 3]) - 1
                if f < 0:
                    continue
                s, t = _coordinates(corners, f, rast[b, y, x, 0], rast[b, y, x, 1])
                j0, j1, wy = bilinear(t, rows, False)
                mine0, mine1 = owner(j0, workers) == worker, owner(j1, workers) == worker
                if not (mine0 or mine1):
                    continue
                i0, i1, wx = bilinear(s, columns, False)
                for c in range(3):
                    g = grad[b, c, top, x]
                    if mine0:
                        target[c, j0, i0] += g * (1 - wx) * (1 - wy)
                        target[c, j0, i1] += g * wx * (1 - wy)
                    if mine1:
                        target[c, j1, i0] += g * (1 - wx) * wy
                        target[c, j1, i1] += g * wx * wy


@kernel
def _paint_backward_pos(
    pos: Array, tri: Array, rast: Array, corners: Array, tex: Array, grad: Array, parts: Array
) -> None:
    """Sum gradients to vertices into parts (B, chunks, V, 4); chunk k owns rows k, k + chunks..."""
    chunks, height = parts.shape[1], rast.shape[1]
    for task in prange(parts.shape[0] * chunks):
        b, k = task // chunks, task % chunks
        image, points, part, run = tex[b % tex.shape[0]], pos[b], parts[b, k], np.zeros((3, 3))
        for y in range(k, height, chunks):
            color = grad[b, :, height - 1 - y]
            _paint_backward_row(
                points, tri, rast[b, y], y, height, (corners, image, color), run, part
            )


@device
def _paint_backward_row(
    pos: Array, tri: Array, rast: Array, y: int, height: int, paint: Any, run: Array, part: Array
) -> None:
    """Sum over each run of pixels of one triangle, then pass the run's sum to its vertices."""
    corners, image, grad = paint
    width, fy = rast.shape[0], (2 * y + 1) / height - 1
    n0 = n1 = n2 = (0.0, 0.0, 0.0)
    t0 = t1 = t2 = 0
    seen = -1
    for x in range(width):
        f = np.int64(rast[x, 3]) - 1
        if f < 0:
            continue
        if f != seen:
            if seen >= 0:
                flush(pos, t0, t1, t2, run, part)
            seen = f
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            n0, n1, n2 = line(pos, t1, t2), line(pos, t2, t0), line(pos, t0, t1)
        s, t = _coordinates(corners, f, rast[x, 0], rast[x, 1])
        gs, gt = _slope(image, s, t, grad, x)
        gu = gs * (corners[f, 0, 0] - corners[f, 2, 0]) + gt * (corners[f, 0, 1] - corners[f, 2, 1])
        gv = gs * (corners[f, 1, 0] - corners[f, 2, 0]) + gt * (corners[f, 1, 1] - corners[f, 2, 1])
        add_weights((n0, n1, n2), (2 * x + 1) / width - 1, fy, gu, gv, run)
    if seen >= 0:
        flush(pos, t0, t1, t2, run, part)


@device
def _slope(tex: Array, s: float, t: float, grad: Array, x: int) -> tuple[float, float]:
    """Gradient of a pixel's colour to its place in the texture."""
    i0, i1, wx = bilinear(s, tex.shape[2], False)
    j0, j1, wy = bilinear(t, tex.shape[1], False)
    gs = gt = 0.0
    for c in range(3):
        g = grad[c, x]
        p00, p01, p10, p11 = tex[c, j0, i0], tex[c, j0, i1], tex[c, j1, i0], tex[c, j1, i1]
        gs += g * ((p01 - p00) * (1 - wy) + (p11 - p10) * wy)
        gt += g * ((p10 - p00) * (1 - wx) + (p11 - p01) * wx)
    return gs * tex.shape[2], gt * tex.shape[1]
