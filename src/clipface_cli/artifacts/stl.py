"""Binary STL: the bare surface, for printing."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from clipface_cli.artifacts.files import replacing
from clipface_cli.artifacts.mesh import Mesh

_HEADER = b"written by ClipFace CLI".ljust(80)
_FACE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])


def write_stl(path: Path, mesh: Mesh) -> None:
    """Write the triangles; STL knows no colours, and no units."""
    corners = mesh.vertices[mesh.faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    faces = np.zeros(len(corners), _FACE)
    faces["normal"] = np.divide(normals, length, out=np.zeros_like(normals), where=length > 0)
    faces["corners"] = corners
    count = len(faces).to_bytes(4, "little")
    with replacing(path) as partial:
        partial.write_bytes(_HEADER + count + faces.tobytes())
