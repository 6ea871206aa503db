"""Which point of the surface each texel shows."""

from __future__ import annotations

import torch

from clipface_cli.head import HeadModel
from clipface_cli.render import ShownPoints, rasterize, shown_points


def texels(head: HeadModel, resolution: int) -> ShownPoints:
    """covered (R, R), row 0 at the top; of the N covered texels face (N,) and weights (N, 3)."""
    u, v = head.uv.unbind(1)
    flat = torch.stack([2 * u - 1, 1 - 2 * v, torch.zeros_like(u), torch.ones_like(u)], 1)
    rast, _ = rasterize(flat[None].float(), head.uv_faces.int(), (resolution, resolution))
    return shown_points(rast[0])
