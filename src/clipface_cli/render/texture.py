"""Sample textures at UV coordinates, nearest or bilinear."""

from typing import Any, Literal, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._check import check_float, check_same
from clipface_cli.render._jit import Array, array, device, get_num_threads, kernel, prange

Filter: TypeAlias = Literal["nearest", "linear"]
Boundary: TypeAlias = Literal["wrap", "clamp"]


def flip_v(uv: Tensor) -> Tensor:
    """UV (..., 2) with origin bottom left to the coordinates of images with row 0 at the top."""
    return torch.stack([uv[..., 0], 1 - uv[..., 1]], -1)


def texture(
    tex: Tensor,
    uv: Tensor,
    *,
    filter_mode: Filter = "linear",
    boundary_mode: Boundary = "wrap",
) -> Tensor:
    """Sample a texture; nvdiffrast's `texture` without mip-maps.

    Args:
        tex: (B, TH, TW, C), or (1, TH, TW, C) when all images share it; row 0 is at v = 0.
        uv: (B, H, W, 2); texel i of n has its centre at (i + 0.5) / n.
        filter_mode: "nearest" or "linear".
        boundary_mode: outside 0..1 the texture repeats ("wrap") or keeps its border ("clamp").

    Returns:
        (B, H, W, C) colours.

    Gradients reach tex and, with "linear", uv. float64 takes the reference's path. Raises
    ValueError on bad arguments.
    """
    if tex.dtype == torch.float64:
        return texture_ref(tex, uv, filter_mode=filter_mode, boundary_mode=boundary_mode)
    _check(tex, uv, filter_mode, boundary_mode)
    linear, wrap = filter_mode == "linear", boundary_mode == "wrap"
    out: Tensor = _Texture.apply(tex, uv, linear, wrap)  # type: ignore[no-untyped-call]
    return out


def texture_ref(
    tex: Tensor,
    uv: Tensor,
    *,
    filter_mode: Filter = "linear",
    boundary_mode: Boundary = "wrap",
) -> Tensor:
    """The same as `texture` in plain PyTorch."""
    _check(tex, uv, filter_mode, boundary_mode)
    size = uv.new_tensor([tex.shape[2], tex.shape[1]])
    wrap = boundary_mode == "wrap"
    images = torch.arange(len(uv))[:, None, None] % len(tex)

    def texel(corner: Tensor) -> Tensor:
        columns, rows = corner.unbind(-1)
        return tex[images, _index(rows, tex.shape[1], wrap), _index(columns, tex.shape[2], wrap)]

    if filter_mode == "nearest":
        return texel((uv * size).floor().long())
    corner = (uv * size - 0.5).floor().detach()
    wx, wy = (uv * size - 0.5 - corner).split(1, -1)
    first, right, up = corner.long(), torch.tensor([1, 0]), torch.tensor([0, 1])
    below = texel(first) * (1 - wx) + texel(first + right) * wx
    above = texel(first + up) * (1 - wx) + texel(first + right + up) * wx
    return below * (1 - wy) + above * wy


def _index(i: Tensor, size: int, wrap: bool) -> Tensor:
    return i % size if wrap else i.clamp(0, size - 1)


def _check(tex: Tensor, uv: Tensor, filter_mode: str, boundary_mode: str) -> None:
    check_float("tex", tex, (None, None, None, None))
    check_float("uv", uv, (None, None, None, 2))
    check_same("tex", tex, "uv", uv)
    if len(tex) not in (1, len(uv)):
        raise ValueError(f"tex must hold 1 or {len(uv)} textures as uv does, not {len(tex)}")
    if filter_mode not in ("nearest", "linear"):
        raise ValueError(f"filter_mode must be 'nearest' or 'linear', not {filter_mode!r}")
    if boundary_mode not in ("wrap", "clamp"):
        raise ValueError(f"boundary_mode must be 'wrap' or 'clamp', not {boundary_mode!r}")


class _Texture(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, tex: Tensor, uv: Tensor, linear: bool, wrap: bool) -> Tensor:
        out = uv.new_empty(*uv.shape[:3], tex.shape[3])
        _forward_kernel(array(tex), array(uv), linear, wrap, array(out))
        ctx.save_for_backward(tex, uv)
        ctx.modes = linear, wrap
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (tex, uv), (linear, wrap) = ctx.saved_tensors, ctx.modes
        grad_tex = grad_uv = None
        if ctx.needs_input_grad[0]:
            grad_tex = tex.new_zeros(tex.shape)
            arrays = array(uv), array(grad), array(grad_tex)
            _backward_tex_kernel(*arrays, linear, wrap, get_num_threads())
        if ctx.needs_input_grad[1] and linear:
            grad_uv = uv.new_empty(uv.shape)
            _backward_uv_kernel(array(tex), array(uv), array(grad), wrap, array(grad_uv))
        return grad_tex, grad_uv, None, None


@device
def wrap_or_clamp(i: int, size: int, wrap: bool) -> int:
    """Index of a texel beyond the border."""
    if 0 <= i < size:
        return i
    return i % size if wrap else min(max(i, 0), size - 1)


@device
def bilinear(t: float, size: int, wrap: bool) -> tuple[int, int, float]:
    """The two texels around a coordinate, and the weight of the second."""
    x = t * size - 0.5
    low = np.floor(x)
    i = np.int64(low)
    return wrap_or_clamp(i, size, wrap), wrap_or_clamp(i + 1, size, wrap), x - low


@device
def nearest(t: float, size: int, wrap: bool) -> int:
    """The texel that holds a coordinate."""
    return wrap_or_clamp(np.int64(np.floor(t * size)), size, wrap)


@kernel
def _forward_kernel(tex: Array, uv: Array, linear: bool, wrap: bool, out: Array) -> None:
    batch, height, width = uv.shape[:3]
    rows, columns, channels = tex.shape[1:]
    for row in prange(batch * height):
        b, y = row // height, row % height
        image = tex[b % tex.shape[0]]
        for x in range(width):
            u, v = uv[b, y, x, 0], uv[b, y, x, 1]
            if not linear:
                out[b, y, x] = image[nearest(v, rows, wrap), nearest(u, columns, wrap)]
                continue
            i0, i1, wx = bilinear(u, columns, wrap)
            j0, j1, wy = bilinear(v, rows, wrap)
            for c in range(channels):
                below = image[j0, i0, c] * (1 - wx) + image[j0, i1, c] * wx
                above = image[j1, i0, c] * (1 - wx) + image[j1, i1, c] * wx
                out[b, y, x, c] = below * (1 - wy) + above * wy


@kernel
def _backward_uv_kernel(tex: Array, uv: Array, grad: Array, wrap: bool, grad_uv: Array) -> None:
    batch, height, width = uv.shape[:3]
    rows, columns, channels = tex.shape[1:]
    for row in prange(batch * height):
        b, y = row // height, row % height
        image = tex[b % tex.shape[0]]
        for x in range(width):
            i0, i1, wx = bilinear(uv[b, y, x, 0], columns, wrap)
            j0, j1, wy = bilinear(uv[b, y, x, 1], rows, wrap)
            gx = gy = 0.0
            for c in range(channels):
                g = grad[b, y, x, c]
                p00, p01 = image[j0, i0, c], image[j0, i1, c]
                p10, p11 = image[j1, i0, c], image[j1, i1, c]
                gx += g * ((p01 - p00) * (1 - wy) + (p11 - p10) * wy)
                gy += g * ((p10 - p00) * (1 - wx) + (p11 - p01) * wx)
            grad_uv[b, y, x, 0], grad_uv[b, y, x, 1] = gx * columns, gy * rows


@kernel
def _backward_tex_kernel(
    uv: Array, grad: Array, grad_tex: Array, linear: bool, wrap: bool, workers: int
) -> None:
    """Scatter to texels: each thread owns every n-th texel row, so no two write to one place."""
    textures, rows, columns = grad_tex.shape[:3]
    for worker in prange(workers):
        for b in range(uv.shape[0]):
            target = grad_tex[b % textures]
            for y in range(uv.shape[1]):
                for x in range(uv.shape[2]):
                    v = uv[b, y, x, 1]
                    if linear:
                        i0, i1, wx = bilinear(uv[b, y, x, 0], columns, wrap)
                        j0, j1, wy = bilinear(v, rows, wrap)
                        if owner(j0, workers) == worker:
                            _scatter(target[j0], i0, i1, wx, 1 - wy, grad[b, y, x])
                        if owner(j1, workers) == worker:
                            _scatter(target[j1], i0, i1, wx, wy, grad[b, y, x])
                        continue
                    j = nearest(v, rows, wrap)
                    if owner(j, workers) == worker:
                        i = nearest(uv[b, y, x, 0], columns, wrap)
                        _scatter(target[j], i, i, 0.0, 1.0, grad[b, y, x])


@device
def owner(row: int, workers: int) -> int:
    """The thread that sums a texel row: blocks of eight rows go round."""
    return (row >> 3) % workers


@device
def _scatter(row: Array, i0: int, i1: int, wx: float, weight: float, grad: Array) -> None:
    for c in range(grad.shape[0]):
        row[i0, c] += grad[c] * weight * (1 - wx)
        row[i1, c] += grad[c] * weight * wx
