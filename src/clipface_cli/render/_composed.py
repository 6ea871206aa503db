"""Textured heads from the four operations of a backend: shaded, in float64, or not fused."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.geometry import batch_normals
from clipface_cli.render.antialias import antialias_front
from clipface_cli.render.backends import Backend, Mesh
from clipface_cli.render.interpolate import interpolate_unchecked
from clipface_cli.render.light import Light, shade
from clipface_cli.render.rasterize import rasterize_front
from clipface_cli.render.texture import texture_unchecked


@dataclass(frozen=True)
class Lit:
    """Light, and what it needs to know of the vertices."""

    light: Light
    view: Tensor  # (B, V, 3) vertices in the camera's frame
    toward: Tensor  # (B, V, 3) directions to the camera


def draw(
    backend: Backend,
    pos: Tensor,
    texture: Tensor,
    mesh: Mesh,
    resolution: int,
    background: Tensor,
    lit: Lit | None = None,
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased, row 0 at the top.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; background
    (1 or B, 3, 1 or H, 1 or W). Gradients reach all of them, and what is in `lit`. Nothing is
    checked again: on a GPU each check would wait for it.
    """
    rast = rasterize_front(pos, mesh.faces, (resolution, resolution), backend)
    uv = interpolate_unchecked(mesh.uv[None], rast, mesh.uv_faces, backend)
    color = texture_unchecked(texture.permute(0, 2, 3, 1), uv, backend)
    if lit is not None:
        normals = batch_normals(lit.view, mesh.every_face)
        directions = torch.cat([normals, lit.toward], -1)
        both = interpolate_unchecked(directions, rast, mesh.faces, backend)
        color = _shaded(color, both, lit.light)
    covered = rast[..., 3:] > 0
    color = torch.where(covered, color, background.to(color).flip(2).permute(0, 2, 3, 1))
    layers = torch.cat([color, covered.to(color.dtype)], -1)
    layers = antialias_front(layers, rast, pos, mesh.faces, mesh.topology, backend)
    image, alpha = layers.permute(0, 3, 1, 2).flip(2).split((3, 1), 1)
    return image, alpha


def _shaded(color: Tensor, directions: Tensor, light: Light) -> Tensor:
    """Colours (B, H, W, 3) in -1..1 in this light; directions: normals, then to the camera."""
    normal, toward = directions.split(3, -1)
    bright = shade((color + 1) / 2, normal, toward, light)
    return bright.clamp(0, 1) * 2 - 1
