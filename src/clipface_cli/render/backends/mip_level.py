"""The mip level at which a pixel's footprint covers one texel."""

import torch
from torch import Tensor

from clipface_cli.render.backends.protocol import Lookup

_SMALLEST = 1e-30  # square texels; footprints of no size get a level below 0, which is clamped


def mip_level(lookup: Lookup) -> Tensor | None:
    """Each pixel's level (B, H, W), fractions lie between two; None where there is one level."""
    tex, last = lookup.levels[0], len(lookup.levels) - 1
    if last == 0:
        return None
    uv_da, bias = lookup.uv_da, lookup.mip_level_bias
    level = tex.new_zeros(()) if uv_da is None else _footprint(uv_da, tex.shape[2], tex.shape[1])
    level = level if bias is None else level + bias
    return level.clamp(0, last)


def _footprint(uv_da: Tensor, width: int, height: int) -> Tensor:
    """(B, H, W) log2 of the longer axis, in texels, of the ellipse that a pixel covers."""
    size = uv_da.new_tensor([width, width, height, height])
    ux, uy, vx, vy = (uv_da * size).unbind(-1)
    a, b, c = ux * ux + vx * vx, uy * uy + vy * vy, ux * uy + vx * vy
    square = 0.25 * (a - b) * (a - b) + c * c
    long = square > 0
    longer = 0.5 * (a + b) + torch.where(long, square, 1).sqrt() * long
    return 0.5 * torch.where(longer > 0, longer, _SMALLEST).log2()
