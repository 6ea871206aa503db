"""Which mip level a pixel's footprint asks for."""

from collections.abc import Sequence

import torch
from torch import Tensor


def mip_level(levels: Sequence[Tensor], uv_da: Tensor | None, bias: Tensor | None) -> Tensor | None:
    """Where between the levels each pixel (B, H, W) is; None: all at the only one."""
    tex = levels[0]
    if len(levels) == 1:
        return None
    level = tex.new_zeros(()) if uv_da is None else _footprint(uv_da, tex.shape[2], tex.shape[1])
    level = level if bias is None else level + bias
    return level.clamp(0, len(levels) - 1)


def _footprint(uv_da: Tensor, width: int, height: int) -> Tensor:
    """(B, H, W) log2 of the longer axis, in texels, of the ellipse that a pixel covers."""
    size = uv_da.new_tensor([width, width, height, height])
    ux, uy, vx, vy = (uv_da * size).unbind(-1)
    a, b, c = ux * ux + vx * vx, uy * uy + vy * vy, ux * uy + vx * vy
    square = 0.25 * (a - b) * (a - b) + c * c
    long = square > 0
    longer = 0.5 * (a + b) + torch.where(long, square, 1).sqrt() * long
    return 0.5 * torch.where(longer > 0, longer, 1e-30).log2()
