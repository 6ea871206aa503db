"""Binary PLY: the mesh as it is, coloured per vertex, texture coordinates per corner."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from torch import Tensor

from clipface_cli.artifacts.files import replacing
from clipface_cli.artifacts.images import Pixels, save_image, to_pixels
from clipface_cli.artifacts.mesh import Mesh

_VERTEX = np.dtype([("position", "<f4", 3), ("colour", "u1", 3)])
_FACE = np.dtype([("n", "u1"), ("vertices", "<i4", 3), ("m", "u1"), ("uv", "<f4", 6)])


def write_ply(path: Path, mesh: Mesh, texture: Tensor | Pixels) -> None:
    """Write NAME.png and NAME.ply; the vertex order of the mesh is kept.

    Programs that know MeshLab's `TextureFile` and `texcoord` show the texture, others the
    colours of the vertices. texture: (1, 3, H, W) in [-1, 1] or 8-bit (H, W, 3).
    """
    pixels = to_pixels(texture) if isinstance(texture, Tensor) else texture
    image = path.with_suffix(".png")
    vertices = np.zeros(len(mesh.vertices), _VERTEX)
    vertices["position"] = mesh.vertices
    vertices["colour"] = _vertex_colours(mesh, pixels)
    faces = np.zeros(len(mesh.faces), _FACE)
    faces["n"], faces["vertices"] = 3, mesh.faces
    faces["m"], faces["uv"] = 6, mesh.uv[mesh.uv_faces].reshape(-1, 6)
    header = [
        "ply",
        "format binary_little_endian 1.0",
        f"comment TextureFile {image.name}",
        f"element vertex {len(vertices)}",
        *(f"property float {axis}" for axis in "xyz"),
        *(f"property uchar {colour}" for colour in ("red", "green", "blue")),
        f"element face {len(faces)}",
        "property list uchar int vertex_indices",
        "property list uchar float texcoord",
        "end_header\n",
    ]
    save_image(image, pixels)
    with replacing(path) as partial:
        partial.write_bytes("\n".join(header).encode() + vertices.tobytes() + faces.tobytes())


def _vertex_colours(mesh: Mesh, pixels: Pixels) -> Pixels:
    """Colour (V, 3) of the texel under each vertex (one of its texels at a seam)."""
    height, width = pixels.shape[:2]
    column = np.clip(mesh.uv[:, 0] * width, 0, width - 1).astype(np.int64)
    row = np.clip((1 - mesh.uv[:, 1]) * height, 0, height - 1).astype(np.int64)
    colours = np.full((len(mesh.vertices), 3), 255, np.uint8)
    colours[mesh.faces] = pixels[row, column][mesh.uv_faces]
    return colours
