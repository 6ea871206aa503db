"""Render textured heads: unlit, on a plain background, differentiable."""

from collections.abc import Callable, Collection, Mapping
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.render._check import check_finite, check_float, check_triangles
from clipface_cli.render._jit import array, indices
from clipface_cli.render._unlit import draw
from clipface_cli.render.antialias import antialias_construct_topology_hash
from clipface_cli.render.texture import flip_v


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
    """A camera: takes vertices (B, V, 3) to clip space (B, V, 4)."""

    def to_clip(self, vertices: Tensor) -> Tensor: ...


class Renderer:
    """Draws batches of one head's meshes.

    Args:
        head: a HeadModel, or whatever has its faces, uv, uv_faces and masks.
        resolution: height and width of the images in pixels.
        backend: "cpu", or "auto" for the one that fits the tensors' device.
        background: colour in -1..1 where no head is.
        exclude: masks whose faces to leave out, such as "mouth_interior".
    """

    def __init__(
        self,
        head: Topology,
        resolution: int = 512,
        backend: str = "auto",
        *,
        background: float = 1.0,
        exclude: Collection[str] = (),
    ) -> None:
        if backend != "auto":
            _backend(backend)
        check_float("head.uv", head.uv, (None, 2))
        check_finite("head.uv", head.uv)
        check_triangles("head.uv_faces", head.uv_faces, len(head.uv))
        keep = _kept_faces(head, exclude)
        faces, uv_faces = head.faces[keep], head.uv_faces[keep]
        corners = flip_v(head.uv.float())[uv_faces]
        opposite = antialias_construct_topology_hash(faces)
        self.resolution, self.backend, self.background = resolution, backend, background
        self._vertices = int(head.faces.max()) + 1
        self._topology = indices(faces), array(opposite), array(corners)

    def __call__(self, vertices: Tensor, texture: Tensor, camera: View) -> tuple[Tensor, Tensor]:
        """Draw heads.

        Args:
            vertices: (B, V, 3) in metres, float32.
            texture: (B, 3, R, R), or (1, 3, R, R) for all, in -1..1, row 0 at the top.
            camera: one view, or B.

        Returns:
            image (B, 3, H, W) and alpha (B, 1, H, W) in 0..1, row 0 at the top; gradients reach
            vertices, texture and camera. Raises ValueError on bad arguments.
        """
        backend = _backend(vertices.device.type if self.backend == "auto" else self.backend)
        self._check(vertices, texture)
        pos = camera.to_clip(vertices)
        check_finite("camera", pos)
        return backend(pos, texture, self._topology, self.resolution, self.background)

    def _check(self, vertices: Tensor, texture: Tensor) -> None:
        for name, value, shape in (
            ("vertices", vertices, (None, None, 3)),
            ("texture", texture, (None, 3, None, None)),
        ):
            check_float(name, value, shape)
            if value.dtype != torch.float32:
                raise ValueError(f"{name} must be float32, not {value.dtype}")
        check_finite("vertices", vertices)
        if vertices.shape[1] < self._vertices:
            raise ValueError(
                f"vertices must hold at least the head's {self._vertices} vertices, "
                f"not {vertices.shape[1]}"
            )
        if len(texture) not in (1, len(vertices)):
            raise ValueError(
                f"texture must hold 1 or {len(vertices)} textures as vertices does, "
                f"not {len(texture)}"
            )


def _kept_faces(head: Topology, exclude: Collection[str]) -> Tensor:
    """(F,) whether to draw each face: no excluded mask holds all of its vertices."""
    keep = torch.ones(len(head.faces), dtype=torch.bool)
    for name in exclude:
        if name not in head.masks:
            raise InputError(f"The head has no mask {name!r}; it has {', '.join(head.masks)}.")
        keep &= ~(head.masks[name][head.faces] > 0.5).all(1)
    return keep


_BACKENDS: dict[str, Callable[..., tuple[Tensor, Tensor]]] = {"cpu": draw}


def _backend(name: str) -> Callable[..., tuple[Tensor, Tensor]]:
    if name == "cuda":
        raise InputError("Rendering on a GPU is not available yet: use the CPU (--device cpu).")
    if name not in _BACKENDS:
        raise InputError(f"There is no render backend {name!r}; choose auto or cpu.")
    return _BACKENDS[name]
