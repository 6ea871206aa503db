"""Textured meshes of any topology, as scanners and modelling programs write them."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import Pixels, load_pixels
from clipface_cli.artifacts.obj import read_parts
from clipface_cli.errors import InputError

CONTAINERS = (".glb", ".gltf", ".ply")


@dataclass
class Scan:
    """vertices (V, 3), one where several coincide; faces (F, 3); uv (F, 3, 2), of their corners.

    UVs have their origin at the bottom left and repeat outside 0..1. pictures: 8-bit (H, W, 3);
    picture (F,): which of them a face shows.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    pictures: list[Pixels]
    picture: NDArray[np.int64]

    def colours(self, face: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Colours (N, 3) in -1..1 at points of faces (N,), given by weights (N, 3) of corners."""
        uv = (self.uv[face] * weights[..., None]).sum(1)
        found = np.zeros((len(face), 3), np.float32)
        for number, pixels in enumerate(self.pictures):
            rows = np.flatnonzero(self.picture[face] == number)
            found[rows] = _bilinear(pixels, uv[rows])
        return found / np.float32(127.5) - 1


def read_scan(path: Path) -> Scan:
    """Read an OBJ with its materials, a GLB or a PLY with a texture.

    Raises InputError for another kind of file, one that cannot be read, and where faces have no
    texture coordinates or no picture.
    """
    kind = path.suffix.lower()
    if not path.is_file():
        raise InputError(f"The scan {path} does not exist.")
    if kind != ".obj" and kind not in CONTAINERS:
        raise InputError(f"{path} is no scan that can be read; give OBJ, GLB or PLY.")
    scan = _read_obj(path) if kind == ".obj" else _read_container(path)
    if len(scan.faces) == 0 or not np.isfinite(scan.vertices).all():
        raise InputError(f"{path} holds no usable triangles; export it again.")
    return _welded(scan)


def _read_obj(path: Path) -> Scan:
    mesh, images, used = read_parts(path)
    if len(mesh.uv_faces) == 0:
        raise InputError(
            f"{path} has no texture coordinates on some or all faces; export it with UVs."
        )
    if not images or bool((used < 0).any()):
        raise InputError(
            f"{path} has faces without a texture (map_Kd in its .mtl); a head needs one everywhere."
        )
    pictures = [load_pixels(image) for image in images]
    return Scan(mesh.vertices, mesh.faces, mesh.uv[mesh.uv_faces], pictures, used)


def _read_container(path: Path) -> Scan:
    import trimesh

    try:
        loaded: Any = trimesh.load(path, process=False)
        parts: list[Any] = loaded.dump() if isinstance(loaded, trimesh.Scene) else [loaded]
    except Exception as error:
        raise InputError(f"{path} cannot be read ({error}); export it again.") from error
    parts = [part for part in parts if isinstance(part, trimesh.Trimesh) and len(part.faces)]
    if not parts:
        raise InputError(f"{path} holds no triangles; is it a point cloud?")
    vertices, faces, uv, picture, first = [], [], [], [], 0
    pictures: list[Pixels] = []
    for part in parts:
        image, corners = _picture_of(part, path)
        vertices.append(np.asarray(part.vertices, np.float64))
        faces.append(np.asarray(part.faces, np.int64) + first)
        uv.append(corners)
        picture.append(np.full(len(part.faces), len(pictures)))
        pictures.append(image)
        first += len(part.vertices)
    return Scan(
        np.concatenate(vertices),
        np.concatenate(faces),
        np.concatenate(uv),
        pictures,
        np.concatenate(picture),
    )


def _picture_of(part: Any, path: Path) -> tuple[Pixels, NDArray[np.float64]]:
    """The colour image of a trimesh and the texture coordinates of its corners (F, 3, 2)."""
    material = getattr(part.visual, "material", None)
    image = getattr(material, "baseColorTexture", None) or getattr(material, "image", None)
    uv = getattr(part.visual, "uv", None)
    if image is None or uv is None or len(uv) == 0:
        raise InputError(
            f"{path} has faces without a texture image; bake colours of vertices into one first."
        )
    return np.asarray(image.convert("RGB")), np.asarray(uv, np.float64)[part.faces]


def _welded(scan: Scan) -> Scan:
    """Vertices in the same place become one, so that seams of the texture are no borders."""
    places = scan.vertices.astype(np.float32)
    _, kept, which = np.unique(places, axis=0, return_index=True, return_inverse=True)
    return replace(scan, vertices=scan.vertices[kept], faces=which.reshape(-1)[scan.faces])


def _bilinear(pixels: Pixels, uv: NDArray[np.float64]) -> NDArray[np.float32]:
    """Colours (N, 3) in 0..255 at uv (N, 2)."""
    height, width = pixels.shape[:2]
    inside = np.where((uv >= 0) & (uv <= 1), uv, np.mod(uv, 1))
    x = np.clip(inside[:, 0] * width - 0.5, 0, width - 1)
    y = np.clip((1 - inside[:, 1]) * height - 0.5, 0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, low = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    above = pixels[top, left] * (1 - across) + pixels[top, right] * across
    below = pixels[low, left] * (1 - across) + pixels[low, right] * across
    mixed: NDArray[np.float32] = above * (1 - down) + below * down
    return mixed
