"""Textured heads from the four operations, one after another: shaded, or on a GPU."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.render import _gpu
from clipface_cli.render.antialias import Topology, antialias
from clipface_cli.render.interpolate import interpolate
from clipface_cli.render.light import Light, shade, vertex_normals
from clipface_cli.render.rasterize import rasterize_front
from clipface_cli.render.texture import texture as sample


@dataclass(frozen=True)
class Mesh:
    """What is known of a head's meshes ahead, on the device where they are drawn."""

    faces: Tensor  # (F, 3) drawn
    every_face: Tensor  # (F1, 3) with those left out, for normals
    uv: Tensor  # (Vt, 2) coordinates in the texture image
    uv_faces: Tensor  # (F, 3)
    topology: Topology


@dataclass(frozen=True)
class Lit:
    """Light, and what it needs to know of the vertices."""

    light: Light
    view: Tensor  # (B, V, 3) vertices in the camera's frame
    toward: Tensor  # (B, V, 3) directions to the camera


def draw(
    pos: Tensor,
    texture: Tensor,
    mesh: Mesh,
    resolution: int,
    background: Tensor,
    lit: Lit | None = None,
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased, row 0 at the top.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; background
    (1 or B, 3, 1 or H, 1 or W). Gradients reach all of them, and what is in `lit`.
    """
    size = resolution, resolution
    texels = texture.permute(0, 2, 3, 1)
    if pos.is_cuda:  # nothing is checked again: each check would wait for the GPU
        rast = _gpu.rasterize_front(pos, mesh.faces, size)
        uv, _ = _gpu.interpolate(mesh.uv[None], rast, mesh.uv_faces, None, [])
        color = _gpu.texture([texels], uv, None, None, "linear", "clamp")
    else:
        rast, _ = rasterize_front(pos, mesh.faces, size)
        uv, _ = interpolate(mesh.uv[None], rast, mesh.uv_faces)
        color = sample(texels, uv, boundary_mode="clamp")
    if lit is not None:
        color = _shaded(color, rast, mesh, lit)
    covered = rast[..., 3:] > 0
    color = torch.where(covered, color, background.to(color).flip(2).permute(0, 2, 3, 1))
    layers = torch.cat([color, covered.to(color.dtype)], -1)
    if pos.is_cuda:
        layers = _gpu.antialias(layers, rast, pos, mesh.faces, mesh.topology, 1.0)
    else:
        layers = antialias(layers, rast, pos, mesh.faces, mesh.topology)
    image, alpha = layers.permute(0, 3, 1, 2).flip(2).split((3, 1), 1)
    return image, alpha


def _shaded(color: Tensor, rast: Tensor, mesh: Mesh, lit: Lit) -> Tensor:
    normals = vertex_normals(lit.view, mesh.every_face)
    directions = torch.cat([normals, lit.toward], -1)
    normal, toward = interpolate(directions, rast, mesh.faces)[0].split(3, -1)
    bright = shade((color + 1) / 2, normal, toward, lit.light)
    return bright.clamp(0, 1) * 2 - 1
