"""Sample textures at UV coordinates: nearest, bilinear, or trilinear over mip levels."""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import torch
from torch import Tensor

from clipface_cli.render._check import check_finite, check_float, check_same
from clipface_cli.render.backends import Backend, Lookup, backend_of
from clipface_cli.render.backends.mip_level import mip_level

Filter: TypeAlias = Literal["auto", "nearest", "linear", "linear-mipmap-linear"]
Boundary: TypeAlias = Literal["wrap", "clamp"]


def flip_v(uv: Tensor) -> Tensor:
    """UV (..., 2) with origin bottom left to the coordinates of images with row 0 at the top."""
    return torch.stack([uv[..., 0], 1 - uv[..., 1]], -1)


def texture(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None = None,
    mip_level_bias: Tensor | None = None,
    mip: Sequence[Tensor] | None = None,
    filter_mode: Filter = "auto",
    boundary_mode: Boundary = "wrap",
    max_mip_level: int | None = None,
) -> Tensor:
    """Sample a texture; nvdiffrast's `texture`.

    Args:
        tex: (B, TH, TW, C), or (1, TH, TW, C) when all images share it; row 0 is at v = 0.
        uv: (B, H, W, 2); texel i of n has its centre at (i + 0.5) / n.
        uv_da: (B, H, W, 4) du/dX, du/dY, dv/dX, dv/dY per pixel, from `interpolate`; with it
            the mip level is the longer axis of a pixel's footprint.
        mip_level_bias: (B, H, W) added to the mip level, or the level itself without uv_da.
        mip: smaller levels, each half the one before, from `texture_construct_mip` or painted;
            made of tex when needed and not given.
        filter_mode: "nearest", "linear", "linear-mipmap-linear", or "auto": the last when uv_da
            or mip_level_bias is given, else "linear".
        boundary_mode: outside 0..1 the texture repeats ("wrap") or keeps its border ("clamp").
        max_mip_level: use no more levels than this above tex itself; without mip only.

    Returns:
        (B, H, W, C) colours.

    Gradients reach tex and mip and, unless "nearest", uv, uv_da and mip_level_bias. float64 takes
    the reference's path. Raises ValueError on bad arguments.
    """
    mode = _check(tex, uv, uv_da, mip_level_bias, mip, filter_mode, boundary_mode)
    levels = _levels(tex, mip, mode, max_mip_level)
    lookup = Lookup(levels, uv, uv_da, mip_level_bias, mode, boundary_mode)
    if tex.dtype == torch.float64 and tex.device.type == "cpu":
        return _texture_ref(lookup)
    return backend_of(tex.device).texture(lookup)


def texture_unchecked(tex: Tensor, uv: Tensor, backend: Backend) -> Tensor:
    """Colours (B, H, W, C) as of `texture`, bilinear and clamped to its border, by this backend."""
    lookup = Lookup([tex], uv)
    if tex.dtype == torch.float64 and tex.device.type == "cpu":
        return _texture_ref(lookup)
    return backend.texture(lookup)


def texture_ref(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None = None,
    mip_level_bias: Tensor | None = None,
    mip: Sequence[Tensor] | None = None,
    filter_mode: Filter = "auto",
    boundary_mode: Boundary = "wrap",
    max_mip_level: int | None = None,
) -> Tensor:
    """Colours (B, H, W, C) as of `texture`, in plain PyTorch."""
    mode = _check(tex, uv, uv_da, mip_level_bias, mip, filter_mode, boundary_mode)
    levels = _levels(tex, mip, mode, max_mip_level)
    return _texture_ref(Lookup(levels, uv, uv_da, mip_level_bias, mode, boundary_mode))


def texture_construct_mip(tex: Tensor, max_mip_level: int | None = None) -> list[Tensor]:
    """The mip levels (B, TH / 2, TW / 2, C), (B, TH / 4, TW / 4, C), … of a texture.

    Each texel is the mean of the four (of two where the other side is 1) below it; gradients reach
    tex. Raises ValueError where a side is odd before max_mip_level is reached.
    """
    check_float("tex", tex, (None, None, None, None))
    if max_mip_level is not None and max_mip_level < 0:
        raise ValueError(f"max_mip_level must not be negative: {max_mip_level}")
    levels = [tex]
    while len(levels) - 1 != max_mip_level and max(levels[-1].shape[1:3]) > 1:
        levels.append(_halved(levels[-1], tex))
    return levels[1:]


def _halved(level: Tensor, tex: Tensor) -> Tensor:
    for axis in (1, 2):
        size = level.shape[axis]
        if size > 1 and size % 2:
            raise ValueError(
                f"tex of {tex.shape[1]} x {tex.shape[2]} cannot be halved down to one texel: "
                "its sides must be powers of two, or max_mip_level lower"
            )
        if size > 1:
            first, second = (level[:, at::2] if axis == 1 else level[:, :, at::2] for at in (0, 1))
            level = (first + second) / 2
    return level


def _levels(
    tex: Tensor, mip: Sequence[Tensor] | None, mode: Filter, max_mip_level: int | None
) -> list[Tensor]:
    """The levels to sample, the texture itself first."""
    if mode != "linear-mipmap-linear":
        return [tex]
    return [tex, *(texture_construct_mip(tex, max_mip_level) if mip is None else mip)]


def _check(
    tex: Tensor,
    uv: Tensor,
    uv_da: Tensor | None,
    bias: Tensor | None,
    mip: Sequence[Tensor] | None,
    filter_mode: Filter,
    boundary_mode: Boundary,
) -> Filter:
    """Check the arguments; returns the filter mode, never "auto"."""
    check_float("tex", tex, (None, None, None, None))
    check_float("uv", uv, (None, None, None, 2))
    check_same("tex", tex, "uv", uv)
    if len(tex) not in (1, len(uv)):
        raise ValueError(f"tex must hold 1 or {len(uv)} textures as uv does, not {len(tex)}")
    for name, value, shape in (
        ("uv_da", uv_da, (*uv.shape[:3], 4)),
        ("mip_level_bias", bias, uv.shape[:3]),
    ):
        if value is not None:
            check_float(name, value, shape)
            check_same("tex", tex, name, value)
    if bias is not None:
        check_finite("mip_level_bias", bias)
    _check_mip(tex, mip)
    if boundary_mode not in ("wrap", "clamp"):
        raise ValueError(f"boundary_mode must be 'wrap' or 'clamp', not {boundary_mode!r}")
    if filter_mode not in ("auto", "nearest", "linear", "linear-mipmap-linear"):
        raise ValueError(
            "filter_mode must be 'auto', 'nearest', 'linear' or 'linear-mipmap-linear', "
            f"not {filter_mode!r}"
        )
    plain = uv_da is None and bias is None
    if filter_mode == "linear-mipmap-linear" and plain:
        raise ValueError("filter_mode 'linear-mipmap-linear' needs uv_da or mip_level_bias")
    if filter_mode != "auto":
        return filter_mode
    return "linear" if plain else "linear-mipmap-linear"


def _check_mip(tex: Tensor, mip: Sequence[Tensor] | None) -> None:
    if isinstance(mip, Tensor):
        raise ValueError("mip must be a list of tensors, one for each level after tex")
    rows, columns = tex.shape[1:3]
    for i, level in enumerate(mip or ()):
        rows, columns = max(rows // 2, 1), max(columns // 2, 1)
        check_float(f"mip[{i}]", level, (len(tex), rows, columns, tex.shape[3]))
        check_same("tex", tex, f"mip[{i}]", level)


def _texture_ref(lookup: Lookup) -> Tensor:
    levels, uv, level = lookup.levels, lookup.uv, mip_level(lookup)
    linear, wrap = lookup.filter_mode != "nearest", lookup.boundary_mode == "wrap"
    if level is None:
        return _sample_ref(levels[0], uv, linear, wrap)
    samples = torch.stack([_sample_ref(tex, uv, linear, wrap) for tex in levels])
    first = level.detach().floor().expand(uv.shape[:3])
    share = (level - first)[..., None]

    def at(index: Tensor) -> Tensor:
        index = index.long().clamp(max=len(levels) - 1)[None, ..., None]
        return samples.gather(0, index.expand(1, *samples.shape[1:]))[0]

    return at(first) * (1 - share) + at(first + 1) * share


def _sample_ref(tex: Tensor, uv: Tensor, linear: bool, wrap: bool) -> Tensor:
    size = uv.new_tensor([tex.shape[2], tex.shape[1]])
    images = torch.arange(len(uv), device=uv.device)[:, None, None] % len(tex)

    def texel(columns: Tensor, rows: Tensor) -> Tensor:
        return tex[images, _index(rows, tex.shape[1], wrap), _index(columns, tex.shape[2], wrap)]

    if not linear:
        return texel(*(uv * size).floor().long().unbind(-1))
    corner = (uv * size - 0.5).floor().detach()
    wx, wy = (uv * size - 0.5 - corner).split(1, -1)
    x, y = corner.long().unbind(-1)
    below = texel(x, y) * (1 - wx) + texel(x + 1, y) * wx
    above = texel(x, y + 1) * (1 - wx) + texel(x + 1, y + 1) * wx
    return below * (1 - wy) + above * wy


def _index(i: Tensor, size: int, wrap: bool) -> Tensor:
    return i % size if wrap else i.clamp(0, size - 1)
