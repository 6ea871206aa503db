"""A triangle mesh with texture coordinates, as files hold it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor


class HeadSurface(Protocol):
    """Triangles of a morphable head: faces (F, 3), uv (T, 2) from bottom left, uv_faces (F, 3)."""

    @property
    def faces(self) -> Tensor:
        """(F, 3) vertices of the triangles."""

    @property
    def uv(self) -> Tensor:
        """(T, 2), origin bottom left."""

    @property
    def uv_faces(self) -> Tensor:
        """(F, 3) UVs of the triangles."""


@dataclass
class Mesh:
    """vertices (V, 3) metres, faces (F, 3); uv (T, 2) with origin bottom left, uv_faces (F, 3).

    texture: the colour image the file names, which may not exist. Without texture coordinates
    uv is (0, 2) and uv_faces (0, 3).
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    uv_faces: NDArray[np.int64]
    texture: Path | None = None

    @classmethod
    def of_head(cls, head: HeadSurface, vertices: Tensor) -> Mesh:
        """The head's surface with these vertices, (V, 3) or (1, V, 3)."""
        return cls(
            vertices.detach().cpu().reshape(-1, 3).double().numpy(),
            head.faces.cpu().numpy(),
            head.uv.double().cpu().numpy(),
            head.uv_faces.cpu().numpy(),
        )


def turned(mesh: Mesh, up: str = "y", scale: float = 1.0) -> Mesh:
    """The mesh in other units, and with z up and the face towards -y when `up` is "z"."""
    vertices = mesh.vertices * scale
    if up == "z":
        vertices = vertices[:, [0, 2, 1]] * [1, -1, 1]
    return replace(mesh, vertices=vertices)


def split_at_seams(mesh: Mesh) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """One vertex per (position, uv) pair, as GPUs want it.

    Returns faces (F, 3) into the new vertices, and for each new vertex the index of its position
    and of its uv.
    """
    pairs = np.stack([mesh.faces.ravel(), mesh.uv_faces.ravel()], 1)
    unique, inverse = np.unique(pairs, axis=0, return_inverse=True)
    return inverse.reshape(-1, 3).astype(np.int64), unique[:, 0], unique[:, 1]
