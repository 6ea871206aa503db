"""Render textured heads: unlit or shaded, on a plain or given background, differentiable."""

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render import _composed, _gpu, _unlit
from clipface_cli.render._check import (
    check_finite,
    check_float,
    check_resolution,
    check_same,
    check_triangles,
    is_finite,
)
from clipface_cli.render._jit import array, indices
from clipface_cli.render.antialias import antialias_construct_topology_hash
from clipface_cli.render.light import Light
from clipface_cli.render.texture import flip_v

_BACKENDS = ("auto", "cpu", "cuda")


class Topology(Protocol):
    """What a renderer needs of a head: triangles of vertices and of UVs, vertex masks by name."""

    @property
    def faces(self) -> Tensor: ...
    @property
    def uv(self) -> Tensor: ...
    @property
    def uv_faces(self) -> Tensor: ...
    @property
    def masks(self) -> Mapping[str, Tensor]: ...


class View(Protocol):
    """A camera."""

    def to_clip(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) to clip space (B, V, 4)."""

    def to_view(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) to the camera's frame, z toward it; for shaded renders."""

    def toward(self, view: Tensor) -> Tensor:
        """Directions (B, V, 3) from points in that frame to the camera; for shaded renders."""


class Renderer:
    """Draws batches of one head's meshes.

    Args:
        head: a HeadModel, or whatever has its faces, uv, uv_faces and masks.
        resolution: height and width of the images in pixels.
        backend: "cpu", "cuda" (needs nvdiffrast), or "auto" for where the tensors are. Unlit, "cpu"
            also draws tensors that lie on a GPU, bringing them over and the images back.
        background: what is where no head is: one value in -1..1, a colour (3,), or pictures
            (3, H, W) or (B, 3, H, W), row 0 at the top.
        exclude: masks whose faces to leave out, such as "mouth_interior".
    """

    def __init__(
        self,
        head: Topology,
        resolution: int = 512,
        backend: str = "auto",
        *,
        background: float | Tensor = 1.0,
        exclude: Collection[str] = (),
    ) -> None:
        if backend not in _BACKENDS:
            raise InputError(f"There is no render backend {backend!r}; choose auto, cpu or cuda.")
        if backend == "cuda":
            _gpu.nvdiffrast()
        _check_head(head)
        check_resolution(resolution, resolution)
        keep = _kept_faces(head, exclude)
        self._faces, self._every_face = head.faces[keep], head.faces
        self._uv, self._uv_faces = flip_v(head.uv.float()), head.uv_faces[keep]
        self._vertices = int(head.faces.max()) + 1
        self._fused = (
            indices(self._faces),
            indices(antialias_construct_topology_hash(self._faces)),
            array(self._uv[self._uv_faces.long()]),
        )
        self._meshes: dict[torch.device, _composed.Mesh] = {}
        self._background = _background(background, resolution)
        self.resolution, self.backend, self.background = resolution, backend, background

    def __call__(
        self, vertices: Tensor, texture: Tensor, camera: View, light: Light | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw heads.

        Args:
            vertices: (B, V, 3) in metres, float32.
            texture: (B, 3, R, R), or (1, 3, R, R) for all, in -1..1, row 0 at the top.
            camera: one view, or B.
            light: what lights them; None shows the texture's own colours.

        Returns:
            image (B, 3, H, W) and alpha (B, 1, H, W) in 0..1, row 0 at the top; gradients reach
            vertices, texture, camera and light. Raises ValueError on bad arguments.
        """
        self._check(vertices, texture, light)
        pos = camera.to_clip(vertices)
        if not is_finite(pos):
            check_finite("vertices", vertices)
            check_finite("camera", pos)
        if light is None and "cpu" in (self.backend, pos.device.type):
            drawn = _unlit.draw(
                pos.cpu(), texture.cpu(), self._fused, self.resolution, self._background
            )
            return drawn[0].to(pos.device), drawn[1].to(pos.device)
        lit = None
        if light is not None:
            view = camera.to_view(vertices)
            lit = _composed.Lit(light, view, camera.toward(view))
        mesh = self._mesh(pos.device)
        return _composed.draw(pos, texture, mesh, self.resolution, self._background, lit)

    def _mesh(self, device: torch.device) -> _composed.Mesh:
        if device not in self._meshes:
            parts = self._faces, self._every_face, self._uv_faces
            faces, every_face, uv_faces = (part.int().to(device) for part in parts)
            topology = antialias_construct_topology_hash(faces)
            uv = self._uv.to(device)
            self._meshes[device] = _composed.Mesh(faces, every_face, uv, uv_faces, topology)
        return self._meshes[device]

    def _check(self, vertices: Tensor, texture: Tensor, light: Light | None) -> None:
        for name, value, shape in (
            ("vertices", vertices, (None, None, 3)),
            ("texture", texture, (None, 3, None, None)),
        ):
            check_float(name, value, shape)
            if value.dtype != torch.float32:
                raise ValueError(f"{name} must be float32, not {value.dtype}")
        check_same("vertices", vertices, "texture", texture)
        brought = self.backend == "cpu" and light is None
        if not brought and self.backend not in ("auto", vertices.device.type):
            raise ValueError(
                f"vertices must be where the backend {self.backend!r} draws, "
                f"not on {vertices.device}"
            )
        if vertices.shape[1] < self._vertices:
            raise ValueError(
                f"vertices must hold at least the head's {self._vertices} vertices, "
                f"not {vertices.shape[1]}"
            )
        batch = len(vertices)
        for name, value in (("texture", texture), ("background", self._background)):
            if len(value) not in (1, batch):
                raise ValueError(
                    f"{name} must hold 1 or {batch} pictures as vertices does, not {len(value)}"
                )
        for name in ("ambient", "toward", "key") if light else ():
            if len(getattr(light, name)) not in (1, batch):
                raise ValueError(f"light.{name} must hold 1 or {batch} lights as vertices does")
            check_finite(f"light.{name}", getattr(light, name))


def _check_head(head: Topology) -> None:
    check_triangles("head.faces", head.faces, int(head.faces.max()) + 1)
    check_float("head.uv", head.uv, (None, 2))
    check_finite("head.uv", head.uv)
    check_triangles("head.uv_faces", head.uv_faces, len(head.uv))
    if len(head.uv_faces) != len(head.faces):
        raise ValueError(
            f"head.uv_faces must hold the {len(head.faces)} triangles that head.faces does, "
            f"not {len(head.uv_faces)}"
        )


def _kept_faces(head: Topology, exclude: Collection[str]) -> Tensor:
    """(F,) whether to draw each face: no excluded mask holds all of its vertices."""
    keep = torch.ones(len(head.faces), dtype=torch.bool)
    for name in exclude:
        if name not in head.masks:
            raise InputError(f"The head has no mask {name!r}; it has {', '.join(head.masks)}.")
        keep &= ~(head.masks[name][head.faces] > 0.5).all(1)
    return keep


def _background(value: float | Tensor, resolution: int) -> Tensor:
    """(1 or B, 3, 1 or H, 1 or W) of a value, a colour, or pictures."""
    picture = torch.as_tensor(value, dtype=torch.float32).detach().cpu()
    check_finite("background", picture)
    if picture.ndim == 0:
        return picture.expand(1, 3, 1, 1)
    if picture.shape == (3,):
        return picture.view(1, 3, 1, 1)
    picture = picture[None] if picture.ndim == 3 else picture
    check_float("background", picture, (None, 3, resolution, resolution))
    return picture
