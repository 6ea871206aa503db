"""The point of the surface that each texel shows."""

from __future__ import annotations

from clipface_cli.head import HeadModel
from clipface_cli.render import ShownPoints, shown_points, uv_raster


def texels(head: HeadModel, resolution: int) -> ShownPoints:
    """covered (R, R), row 0 at the top; of the N covered texels face (N,) and weights (N, 3)."""
    return shown_points(uv_raster(head, resolution)[0])
