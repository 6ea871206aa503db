"""Interpolate vertex attributes over the pixels that a rasteriser filled."""

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._check import check_float, check_rast, check_same, check_triangles
from clipface_cli.render._jit import Array, array, device, indices, kernel, prange

_CHUNKS = 16  # gradients to attributes are summed in this many fixed parts


def interpolate(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None = None,
    diff_attrs: Literal["all"] | Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Interpolate attributes at each pixel; nvdiffrast's `interpolate`.

    Args:
        attr: (B, V, A), or (1, V, A) or (V, A) when all images share them.
        rast: (B, H, W, 4) from `rasterize`.
        tri: (F, 3) vertex indices into attr; may differ from the rasterised ones (UV corners).
        rast_db: (B, H, W, 4) from `rasterize`; needed for derivatives.
        diff_attrs: indices of the N attributes to differentiate by pixel, or "all".

    Returns:
        out: (B, H, W, A), zero where no triangle is.
        out_da: (B, H, W, 2N) with dA/dX, dA/dY side by side for each attribute of diff_attrs.

    Gradients reach attr, rast's u and v, and rast_db. float64 takes the reference's path. Raises
    ValueError on bad arguments.
    """
    if attr.dtype == torch.float64:
        return interpolate_ref(attr, rast, tri, rast_db, diff_attrs)
    attr = _check(attr, rast, tri, rast_db, diff_attrs)
    out: Tensor = _Interpolate.apply(attr, rast, tri)  # type: ignore[no-untyped-call]
    if rast_db is None or diff_attrs is None:
        return out, out.new_empty(*out.shape[:3], 0)
    return out, _derivatives(attr, rast, tri, rast_db, diff_attrs)


def interpolate_ref(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None = None,
    diff_attrs: Literal["all"] | Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """The same as `interpolate` in plain PyTorch."""
    attr = _check(attr, rast, tri, rast_db, diff_attrs)
    a0, a1, a2 = _corners(attr, rast, tri)
    u, v = rast[..., 0:1], rast[..., 1:2]
    out = u * a0 + v * a1 + (1 - u - v) * a2
    out = torch.where(rast[..., 3:] > 0, out, out.new_zeros(()))
    if rast_db is None or diff_attrs is None:
        return out, out.new_empty(*out.shape[:3], 0)
    return out, _derivatives(attr, rast, tri, rast_db, diff_attrs)


def _corners(attr: Tensor, rast: Tensor, tri: Tensor) -> Sequence[Tensor]:
    """The attributes of each pixel's three vertices, three times (B, H, W, A)."""
    corners = tri.long()[(rast[..., 3].long() - 1).clamp(min=0)]
    images = torch.arange(len(rast))[:, None, None, None]
    return attr.expand(len(rast), -1, -1)[images, corners].unbind(-2)


def _derivatives(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor,
    diff_attrs: Literal["all"] | Sequence[int],
) -> Tensor:
    if diff_attrs != "all":
        attr = attr[..., list(diff_attrs)]
    a0, a1, a2 = (corner[..., None] for corner in _corners(attr, rast, tri))
    du, dv = rast_db[..., None, :2], rast_db[..., None, 2:]
    out_da = du * (a0 - a2) + dv * (a1 - a2)
    return torch.where(rast[..., 3:, None] > 0, out_da, out_da.new_zeros(())).flatten(-2)


def _check(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None,
    diff_attrs: Literal["all"] | Sequence[int] | None,
) -> Tensor:
    """Check the arguments; returns attr as (B or 1, V, A)."""
    attr = attr[None] if attr.ndim == 2 else attr
    check_float("attr", attr, (None, None, None))
    check_triangles("tri", tri, attr.shape[1])
    check_rast("rast", rast, len(tri))
    check_same("rast", rast, "attr", attr)
    if len(attr) not in (1, len(rast)):
        raise ValueError(f"attr must hold 1 or {len(rast)} meshes as rast does, not {len(attr)}")
    if rast_db is not None:
        check_float("rast_db", rast_db, rast.shape)
        check_same("rast", rast, "rast_db", rast_db)
    elif diff_attrs is not None:
        raise ValueError("diff_attrs needs rast_db")
    chosen = [] if diff_attrs is None or diff_attrs == "all" else diff_attrs
    if not all(0 <= index < attr.shape[2] for index in chosen):
        raise ValueError(f"diff_attrs must be 'all' or indices below {attr.shape[2]}")
    return attr


class _Interpolate(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, attr: Tensor, rast: Tensor, tri: Tensor) -> Tensor:
        out = attr.new_empty(*rast.shape[:3], attr.shape[2])
        _forward_kernel(array(attr), array(rast), indices(tri), array(out))
        ctx.save_for_backward(attr, rast, tri)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        saved_attr, saved_rast, saved_tri = ctx.saved_tensors
        attr, rast, tri = array(saved_attr), array(saved_rast), indices(saved_tri)
        grad_out, grad_attr, grad_rast = array(grad), None, None
        if ctx.needs_input_grad[0]:
            parts = np.zeros((len(attr), max(1, _CHUNKS // len(attr)), *attr.shape[1:]))
            _backward_attr_kernel(rast, tri, grad_out, parts)
            grad_attr = torch.from_numpy(parts.sum(axis=1).astype(attr.dtype))
        if ctx.needs_input_grad[1]:
            grad_rast = torch.from_numpy(np.empty_like(rast))
            _backward_rast_kernel(attr, rast, tri, grad_out, array(grad_rast))
        return grad_attr, grad_rast, None


@kernel
def _forward_kernel(attr: Array, rast: Array, tri: Array, out: Array) -> None:
    batch, height, width = rast.shape[:3]
    for row in prange(batch * height):
        b, y = row // height, row % height
        source = attr[b % attr.shape[0]]
        for x in range(width):
            f = np.int64(rast[b, y, x, 3]) - 1
            if f < 0:
                out[b, y, x] = 0
                continue
            u, v = rast[b, y, x, 0], rast[b, y, x, 1]
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            for c in range(attr.shape[2]):
                out[b, y, x, c] = (
                    u * source[t0, c] + v * source[t1, c] + (1 - u - v) * source[t2, c]
                )


@kernel
def _backward_rast_kernel(
    attr: Array, rast: Array, tri: Array, grad: Array, grad_rast: Array
) -> None:
    batch, height, width = rast.shape[:3]
    for row in prange(batch * height):
        b, y = row // height, row % height
        source = attr[b % attr.shape[0]]
        grad_rast[b, y] = 0
        for x in range(width):
            f = np.int64(rast[b, y, x, 3]) - 1
            if f < 0:
                continue
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            gu = gv = 0.0
            for c in range(attr.shape[2]):
                gu += grad[b, y, x, c] * (source[t0, c] - source[t2, c])
                gv += grad[b, y, x, c] * (source[t1, c] - source[t2, c])
            grad_rast[b, y, x, 0], grad_rast[b, y, x, 1] = gu, gv


@kernel
def _backward_attr_kernel(rast: Array, tri: Array, grad: Array, parts: Array) -> None:
    """Sum into parts (B or 1, chunks, V, A); chunk k owns rows k, k + chunks, ... of its images."""
    batch, height, width = rast.shape[:3]
    meshes, chunks = parts.shape[:2]
    rows = batch // meshes * height
    for task in prange(meshes * chunks):
        mesh, k = task // chunks, task % chunks
        for row in range(k, rows, chunks):
            b, y = mesh * (batch // meshes) + row // height, row % height
            for x in range(width):
                f = np.int64(rast[b, y, x, 3]) - 1
                if f >= 0:
                    u, v = rast[b, y, x, 0], rast[b, y, x, 1]
                    _scatter(parts[mesh, k], tri[f], u, v, grad[b, y, x])


@device
def _scatter(part: Array, corners: Array, u: float, v: float, grad: Array) -> None:
    for c in range(grad.shape[0]):
        part[corners[0], c] += u * grad[c]
        part[corners[1], c] += v * grad[c]
        part[corners[2], c] += (1 - u - v) * grad[c]
