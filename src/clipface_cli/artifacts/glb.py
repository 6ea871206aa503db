"""Binary glTF: one static textured mesh."""

from __future__ import annotations

from pathlib import Path

import trimesh
from PIL import Image
from torch import Tensor
from trimesh.visual import TextureVisuals
from trimesh.visual.material import PBRMaterial

from clipface_cli.artifacts.files import replacing
from clipface_cli.artifacts.images import Pixels, to_pixels
from clipface_cli.artifacts.mesh import Mesh, split_at_seams, vertex_normals

ROUGHNESS = 0.6  # skin under an engine's lights


def write_glb(path: Path, mesh: Mesh, texture: Tensor | Pixels) -> None:
    """Write the mesh with its texture inside; vertices are split where the uv has a seam.

    texture: (1, 3, H, W) in [-1, 1] or 8-bit (H, W, 3).
    """
    pixels = to_pixels(texture) if isinstance(texture, Tensor) else texture
    faces, positions, coordinates = split_at_seams(mesh)
    material = PBRMaterial(
        name="skin",
        baseColorTexture=Image.fromarray(pixels),
        metallicFactor=0.0,
        roughnessFactor=ROUGHNESS,
    )
    geometry = trimesh.Trimesh(
        vertices=mesh.vertices[positions],
        faces=faces,
        vertex_normals=vertex_normals(mesh.vertices, mesh.faces)[positions],
        visual=TextureVisuals(uv=mesh.uv[coordinates], material=material),
        process=False,
    )
    scene = trimesh.Scene()
    scene.add_geometry(geometry, node_name=path.stem, geom_name=path.stem)
    with replacing(path) as partial:
        partial.write_bytes(scene.export(file_type="glb", include_normals=True))
