"""Render textured heads: unlit, on a plain background, differentiable."""

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render.antialias import antialias, antialias_construct_topology_hash
from clipface_cli.render.interpolate import interpolate
from clipface_cli.render.rasterize import rasterize
from clipface_cli.render.texture import flip_v, texture as sample


class Topology(Protocol):
    """What a renderer needs of a head: vertex and UV triangles, and vertex masks by name."""

    @property
    def faces(self) -> Tensor: ...
    @property
    def uv(self) -> Tensor: ...
    @property
    def uv_faces(self) -> Tensor: ...
    @property
    def masks(self) -> Mapping[str, Tensor]: ...


class View(Protocol):
    """A camera: vertices (B, V, 3) to clip space (B, V, 4)."""

    def to_clip(self, vertices: Tensor) -> Tensor: ...


class Renderer:
    def __init__(
        self,
        head: Topology,
        resolution: int = 512,
        backend: str = "auto",
        *,
        background: float = 1.0,
        exclude: Collection[str] = (),
    ) -> None:
        keep = torch.ones(len(head.faces), dtype=torch.bool)
        for name in exclude:
            keep &= ~(head.masks[name][head.faces] > 0.5).all(1)
        self.resolution, self.background = resolution, background
        self.faces, self.uv_faces = head.faces[keep], head.uv_faces[keep]
        self.uv = flip_v(head.uv)[None].float()
        self.topology = antialias_construct_topology_hash(self.faces)

    def __call__(self, vertices: Tensor, texture: Tensor, camera: View) -> tuple[Tensor, Tensor]:
        pos = camera.to_clip(vertices)
        rast, _ = rasterize(pos, self.faces, (self.resolution, self.resolution))
        uv, _ = interpolate(self.uv, rast, self.uv_faces)
        color = sample(texture.permute(0, 2, 3, 1), uv, boundary_mode="clamp")
        covered = (rast[..., 3:] > 0).to(color.dtype)
        color = torch.cat([color * covered + self.background * (1 - covered), covered], -1)
        color = antialias(color, rast, pos, self.faces, self.topology)
        color = color.permute(0, 3, 1, 2).flip(2)
        return color[:, :3], color[:, 3:]
