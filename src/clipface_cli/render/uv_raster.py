"""Rasterise a head's UV layout: the triangle of each texel, and values of vertices as maps.

It stands here, not in geometry/, since it calls the rasteriser.
"""

from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.render.interpolate import interpolate
from clipface_cli.render.rasterize import rasterize


class UvMesh(Protocol):
    """Triangles of vertices, faces (F, 3), and of UVs: uv (T, 2) in 0..1, uv_faces (F, 3)."""

    @property
    def faces(self) -> Tensor: ...
    @property
    def uv(self) -> Tensor: ...
    @property
    def uv_faces(self) -> Tensor: ...


def uv_raster(mesh: UvMesh, resolution: int) -> Tensor:
    """rast (1, R, R, 4) of `rasterize`, one pixel a texel, on the CPU; row 0 at the top."""
    uv = mesh.uv.detach().float().cpu()
    flat = torch.cat([uv * 2 - 1, torch.zeros_like(uv[:, :1]), torch.ones_like(uv[:, :1])], 1)
    rast, _ = rasterize(flat[None], mesh.uv_faces.int().cpu(), (resolution, resolution))
    return rast.flip(1)


def uv_map(mesh: UvMesh, values: Tensor, resolution: int) -> tuple[Tensor, Tensor]:
    """Values (V, C) of vertices laid out in UV, (1, C, R, R), and coverage (1, 1, R, R).

    On the CPU, row 0 at the top; zero where no triangle is.
    """
    rast = uv_raster(mesh, resolution)
    image, _ = interpolate(values.float().cpu()[None], rast, mesh.faces.int().cpu())
    return image.permute(0, 3, 1, 2), (rast[..., 3] > 0)[:, None]
