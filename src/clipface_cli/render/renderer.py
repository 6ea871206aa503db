"""Render textured heads: unlit or shaded, on a plain or given background, differentiable."""

from collections.abc import Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render import _composed
from clipface_cli.render._check import (
    check_finite,
    check_float,
    check_numbers,
    check_resolution,
    check_same,
    check_triangles,
    is_finite,
)
from clipface_cli.render.backends import BACKENDS, Backend, Mesh, drawing_on
from clipface_cli.render.light import Light
from clipface_cli.render.texture import flip_v
from clipface_cli.render.uv_raster import UvMesh


class HeadMesh(UvMesh, Protocol):
    """The part of a head that a renderer draws: a `UvMesh`, and vertex masks (V,) by name."""

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
        backend: "cpu", which also draws tensors that lie elsewhere, bringing them over and the
            images back; "cuda" (needs nvdiffrast); another of `BACKENDS`, for tensors of its
            device; or "auto" for where the tensors are if it can be done there, else "cpu", and a
            ClipfaceWarning says so once.
        background: what is where no head is: one value in -1..1, a colour (3,), or pictures
            (3, H, W) or (B, 3, H, W), row 0 at the top.
        exclude: masks whose faces to leave out, such as "mouth_interior".
    """

    def __init__(
        self,
        head: HeadMesh,
        resolution: int = 512,
        backend: str = "auto",
        *,
        background: float | Tensor = 1.0,
        exclude: Collection[str] = (),
    ) -> None:
        if backend != "auto":
            _named(backend).require()
        _check_head(head)
        check_resolution(resolution, resolution)
        keep = _kept_faces(head, exclude).cpu()
        self._every_face = head.faces.cpu()
        self._faces, self._uv_faces = self._every_face[keep], head.uv_faces.cpu()[keep]
        self._uv = flip_v(head.uv.cpu().float())
        self._vertices = int(self._every_face.max()) + 1
        self._meshes: dict[tuple[torch.device, torch.dtype], Mesh] = {}
        self._background = _background(background, resolution)
        self._backgrounds: dict[torch.device, Tensor] = {}
        self.resolution, self.backend, self.background = resolution, backend, background

    def __call__(
        self, vertices: Tensor, texture: Tensor, camera: View, light: Light | None = None
    ) -> tuple[Tensor, Tensor]:
        """Draw heads.

        Args:
            vertices: (B, V, 3) in metres, float32, or on the CPU float64, for exact gradients.
            texture: (B, 3, R, R), or (1, 3, R, R) for all, in -1..1, row 0 at the top.
            camera: one view, or B.
            light: what lights them; None shows the texture's own colours.

        Returns:
            image (B, 3, H, W) and alpha (B, 1, H, W) in 0..1, row 0 at the top; gradients reach
            vertices, texture, camera and light. Raises ValueError on bad arguments; on a GPU
            numbers that are not finite pass, since to look at them would be to wait for it.
        """
        self._check(vertices, texture, light)
        place = vertices.device
        backend = drawing_on(place.type) if self.backend == "auto" else BACKENDS[self.backend]
        if backend.device == place.type:
            return self._draw(backend, vertices, texture, camera, light)
        image, alpha = self._draw(backend, vertices.cpu(), texture.cpu(), camera, light)
        return image.to(place), alpha.to(place)

    def _draw(
        self,
        backend: Backend,
        vertices: Tensor,
        texture: Tensor,
        camera: View,
        light: Light | None,
    ) -> tuple[Tensor, Tensor]:
        """`__call__` where heads can be drawn."""
        pos = camera.to_clip(vertices)
        if pos.device.type == "cpu":
            _check_values(vertices, pos, light)
        mesh, background = self._mesh(backend, pos), self._behind(pos.device)
        if backend.fused and light is None and pos.dtype == torch.float32:
            return backend.fused(pos, texture, mesh, self.resolution, background)
        lit = None
        if light is not None:
            view = camera.to_view(vertices)
            lit = _composed.Lit(light, view, camera.toward(view))
        return _composed.draw(backend, pos, texture, mesh, self.resolution, background, lit)

    def _mesh(self, backend: Backend, pos: Tensor) -> Mesh:
        key = pos.device, pos.dtype
        if key not in self._meshes:
            parts = self._faces, self._every_face, self._uv_faces
            faces, every_face, uv_faces = (part.int().to(pos.device) for part in parts)
            uv, corner_uv = self._uv, self._uv[self._uv_faces.long()]
            self._meshes[key] = Mesh(
                faces,
                every_face,
                uv.to(pos),
                uv_faces,
                corner_uv.to(pos),
                backend.topology_hash(faces),
            )
        return self._meshes[key]

    def _behind(self, device: torch.device) -> Tensor:
        """The background on a device."""
        if device not in self._backgrounds:
            self._backgrounds[device] = self._background.to(device)
        return self._backgrounds[device]

    def _check(self, vertices: Tensor, texture: Tensor, light: Light | None) -> None:
        for name, value, shape in (
            ("vertices", vertices, (None, None, 3)),
            ("texture", texture, (None, 3, None, None)),
        ):
            check_numbers(name, value, shape)
        check_same("vertices", vertices, "texture", texture)
        needed = BACKENDS[self.backend].device if self.backend not in ("auto", "cpu") else None
        if needed not in (None, vertices.device.type):
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


def _named(name: str) -> Backend:
    """The backend of this name. Raises InputError where there is none."""
    if name not in BACKENDS:
        *others, last = ["auto", *BACKENDS]
        known = f"{', '.join(others)} or {last}"
        raise InputError(f"There is no render backend {name!r}; choose {known}.")
    return BACKENDS[name]


def _check_values(vertices: Tensor, pos: Tensor, light: Light | None) -> None:
    """Demand finite numbers."""
    if not is_finite(pos):
        check_finite("vertices", vertices)
        check_finite("camera", pos)
    for name in ("ambient", "toward", "key") if light else ():
        check_finite(f"light.{name}", getattr(light, name))


def _check_head(head: HeadMesh) -> None:
    check_triangles("head.faces", head.faces.cpu(), int(head.faces.max()) + 1)
    check_float("head.uv", head.uv.cpu(), (None, 2))
    check_finite("head.uv", head.uv)
    check_triangles("head.uv_faces", head.uv_faces.cpu(), len(head.uv))
    if len(head.uv_faces) != len(head.faces):
        raise ValueError(
            f"head.uv_faces must hold the {len(head.faces)} triangles that head.faces does, "
            f"not {len(head.uv_faces)}"
        )


def _kept_faces(head: HeadMesh, exclude: Collection[str]) -> Tensor:
    """(F,) whether to draw each face: no excluded mask holds all of its vertices."""
    keep = torch.ones(len(head.faces), dtype=torch.bool, device=head.faces.device)
    for name in exclude:
        if name not in head.masks:
            raise InputError(f"The head has no mask {name!r}; it has {', '.join(head.masks)}.")
        keep &= ~(head.masks[name][head.faces] > 0.5).all(1)
    return keep


def _background(value: float | Tensor, resolution: int) -> Tensor:
    """(1 or B, 3, 1 or H, 1 or W) of a value, a colour, or pictures."""
    picture = torch.as_tensor(value, dtype=torch.float32, device="cpu").detach()
    check_finite("background", picture)
    if picture.ndim == 0:
        return picture.expand(1, 3, 1, 1)
    if picture.shape == (3,):
        return picture.view(1, 3, 1, 1)
    picture = picture[None] if picture.ndim == 3 else picture
    check_float("background", picture, (None, 3, resolution, resolution))
    return picture
