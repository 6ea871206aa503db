"""Interpolate vertex attributes over the pixels that a rasteriser filled."""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from clipface_cli.render._check import (
    check_device,
    check_float,
    check_rast,
    check_same,
    check_tensor,
    check_triangles,
)
from clipface_cli.render.backends import Backend, backend_of


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
    attr, chosen = _check(attr, rast, tri, rast_db, diff_attrs)
    if attr.dtype == torch.float64 and attr.device.type == "cpu":
        return _interpolate_ref(attr, rast, tri, rast_db, chosen)
    return backend_of(attr.device).interpolate(attr, rast, tri, rast_db, chosen)


def interpolate_unchecked(attr: Tensor, rast: Tensor, tri: Tensor, backend: Backend) -> Tensor:
    """`interpolate` of attr (B or 1, V, A) without derivatives, by this backend."""
    if attr.dtype == torch.float64 and attr.device.type == "cpu":
        return _interpolate_ref(attr, rast, tri, None, [])[0]
    return backend.interpolate(attr, rast, tri, None, [])[0]


def interpolate_ref(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None = None,
    diff_attrs: Literal["all"] | Sequence[int] | None = None,
) -> tuple[Tensor, Tensor]:
    """Attributes (B, H, W, A) and derivatives as of `interpolate`, in plain PyTorch."""
    attr, chosen = _check(attr, rast, tri, rast_db, diff_attrs)
    return _interpolate_ref(attr, rast, tri, rast_db, chosen)


def _interpolate_ref(
    attr: Tensor, rast: Tensor, tri: Tensor, rast_db: Tensor | None, chosen: list[int]
) -> tuple[Tensor, Tensor]:
    a0, a1, a2 = _corners(attr, rast, tri)
    u, v = rast[..., 0:1], rast[..., 1:2]
    covered, nothing = rast[..., 3:] > 0, rast.new_zeros(())
    out = torch.where(covered, u * a0 + v * a1 + (1 - u - v) * a2, nothing)
    if rast_db is None or not chosen:
        return out, out.new_empty(*out.shape[:3], 0)
    d0, d1 = (a0 - a2)[..., chosen, None], (a1 - a2)[..., chosen, None]
    out_da = (rast_db[..., None, :2] * d0 + rast_db[..., None, 2:] * d1).flatten(-2)
    return out, torch.where(covered, out_da, nothing)


def _corners(attr: Tensor, rast: Tensor, tri: Tensor) -> Sequence[Tensor]:
    """The attributes of each pixel's three vertices, three times (B, H, W, A)."""
    corners = tri.long()[(rast[..., 3].long() - 1).clamp(min=0)]
    images = torch.arange(len(rast), device=rast.device)[:, None, None, None]
    return attr.expand(len(rast), -1, -1)[images, corners].unbind(-2)


def _check(
    attr: Tensor,
    rast: Tensor,
    tri: Tensor,
    rast_db: Tensor | None,
    diff_attrs: Literal["all"] | Sequence[int] | None,
) -> tuple[Tensor, list[int]]:
    """Check the arguments; returns attr as (B or 1, V, A) and the attributes to differentiate."""
    check_tensor("attr", attr)
    check_float("attr", attr, (None, None) if attr.ndim == 2 else (None, None, None))
    attr = attr[None] if attr.ndim == 2 else attr
    check_triangles("tri", tri, attr.shape[1])
    check_device("attr", attr, "tri", tri)
    check_rast("rast", rast, len(tri))
    check_same("rast", rast, "attr", attr)
    if len(attr) not in (1, len(rast)):
        raise ValueError(f"attr must hold 1 or {len(rast)} meshes as rast does, not {len(attr)}")
    if rast_db is not None:
        check_float("rast_db", rast_db, rast.shape)
        check_same("rast", rast, "rast_db", rast_db)
    elif diff_attrs is not None:
        raise ValueError("diff_attrs needs rast_db")
    if diff_attrs is None:
        return attr, []
    if isinstance(diff_attrs, str):
        if diff_attrs != "all":
            raise ValueError(f"diff_attrs must be 'all' or indices, not {diff_attrs!r}")
        return attr, list(range(attr.shape[2]))
    chosen = [int(index) for index in diff_attrs]
    if not all(0 <= index < attr.shape[2] for index in chosen):
        raise ValueError(f"diff_attrs must be 'all' or indices below {attr.shape[2]}")
    return attr, chosen
