"""Wavefront OBJ with its MTL and PNG."""

from __future__ import annotations

import re
from array import array
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts.files import write_text
from clipface_cli.artifacts.images import Pixels, save_image
from clipface_cli.artifacts.mesh import Mesh
from clipface_cli.artifacts.mtl import Material, Materials, TextureMap, read_lines, split
from clipface_cli.artifacts.references import References, portable
from clipface_cli.errors import InputError
from clipface_cli.geometry import vertex_normals

MOST_CORNERS = 10_000  # of a polygon
_WITH_COLOUR = 6  # numbers of a vertex that has a colour after its place
_BETWEEN_LIBRARIES = re.compile(r"(?<=\.mtl)\s+", re.IGNORECASE)  # their names may hold blanks


def write_obj(path: Path, mesh: Mesh, texture: Tensor | Pixels) -> None:
    """Write NAME.png, NAME.mtl and, last, NAME.obj; y up, metres, 1e-8 precision.

    texture: (1, 3, H, W) in [-1, 1] or 8-bit (H, W, 3).
    """
    name = path.stem
    save_image(path.with_suffix(".png"), texture)
    write_text(path.with_suffix(".mtl"), _material(name))
    write_text(path, _geometry(mesh, name))


def _material(name: str) -> str:
    return f"newmtl skin\nKa 1 1 1\nKd 1 1 1\nKs 0 0 0\nd 1\nillum 1\nmap_Kd {name}.png\n"


def _geometry(mesh: Mesh, name: str) -> str:
    normals = vertex_normals(mesh.vertices, mesh.faces)
    a, b, c = (mesh.faces + 1).T
    p, q, r = (mesh.uv_faces + 1).T
    return "".join(
        [
            f"mtllib {name}.mtl\no {name}\n",
            _lines("v %.8f %.8f %.8f\n", mesh.vertices),
            _lines("vt %.8f %.8f\n", mesh.uv),
            _lines("vn %.5f %.5f %.5f\n", normals),
            "usemtl skin\n",
            _lines("f %d/%d/%d %d/%d/%d %d/%d/%d\n", np.stack([a, p, a, b, q, b, c, r, c], 1)),
        ]
    )


def _lines(form: str, rows: NDArray[np.generic]) -> str:
    """One line for each row of numbers."""
    return form * len(rows) % tuple(rows.ravel().tolist())


def read_obj(path: Path, allow_outside: bool = False) -> Mesh:
    """Read an OBJ of any origin: polygons become fans, negative indices and CRLF are fine.

    Normals, groups and lines are ignored. Texture coordinates count only when every corner has
    one. Raises InputError when the file is missing, not an OBJ, refers to what is not there, shows
    several pictures, or one that is not in its folder unless `allow_outside` is set.
    """
    statements = read_statements(path)
    references = References(path, allow_outside)
    materials = statements.materials(references)
    return replace(_mesh(statements), texture=_texture(statements, materials, references))


def read_geometry(path: Path) -> Mesh:
    """An OBJ without its materials, which are not looked for; InputError as of `read_obj`."""
    return _mesh(read_statements(path))


def read_statements(path: Path) -> ObjStatements:
    """An OBJ, statement by statement; InputError where that makes no sense."""
    if path.suffix.lower() != ".obj" or not path.is_file():
        problem = "is not an .obj file" if path.exists() else "does not exist"
        raise InputError(
            f"The mesh {path} {problem}; give an OBJ such as `clipface sample` writes."
        )
    found = ObjStatements(path)
    for number, line in enumerate(read_lines(path), 1):
        found.read_line(number, line)
    return found


class ObjStatements:
    """Collects the statements of one file.

    vertices, uv: numbers of three and of two coordinates; colours: of vertices (red, green, blue),
    by their numbers. faces, uv_faces: triangles (F, 3), -1 where a corner has no texture
    coordinate; used: names of materials; worn (F,): which of them each face has, or -1.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.vertices, self.uv = array("d"), array("d")
        self.colours: dict[int, list[float]] = {}
        self.faces, self.uv_faces = array("q"), array("q")
        self.used: list[str] = []
        self.worn = array("q")
        self.libraries: dict[str, None] = {}  # in their order, each once

    def read_line(self, number: int, line: str) -> None:
        """Take one statement; those that say nothing of surface and colours are passed over."""
        keyword, rest = split(line)
        try:
            if keyword == "v":
                self._add_vertex(rest.split("#", 1)[0].split())
            elif keyword == "vt":
                self.uv.extend(_floats([*rest.split("#", 1)[0].split(), "0"], 2))
            elif keyword == "f":
                self._add_polygon(rest.split("#", 1)[0].split())
            elif keyword == "mtllib":
                self.libraries[rest.strip()] = None
            elif keyword == "usemtl":
                self.used.append(rest.strip())
        except (ValueError, IndexError, OverflowError) as error:
            raise InputError(
                f"{self.path}, line {number}: cannot read {line[:60]!r}; export the mesh again."
            ) from error

    def materials(self, references: References) -> Materials:
        """The libraries' materials, each file read once; a missing library is no error."""
        found, read = Materials(), set()
        for statement in self.libraries:
            paths = [references.find(statement)]
            if paths == [None]:  # several in one statement
                paths = [references.find(name) for name in _BETWEEN_LIBRARIES.split(statement)]
            for path in paths:
                if path is not None and path not in read:
                    read.add(path)
                    found.read_library(path)
        return found

    def mesh(self) -> Mesh:
        """The surface; uv_faces is -1 where a corner has no texture coordinate.

        Raises InputError where it has no faces, or ones of vertices that are not there.
        """
        vertices = np.array(self.vertices, np.float64).reshape(-1, 3)
        faces = np.array(self.faces, np.int64).reshape(-1, 3)
        uv = np.array(self.uv, np.float64).reshape(-1, 2)
        uv_faces = np.array(self.uv_faces, np.int64).reshape(-1, 3)
        if len(faces) == 0:
            raise InputError(f"{self.path} holds no faces; is it an OBJ mesh?")
        if faces.max() >= len(vertices) or not np.isfinite(vertices).all():
            problem = "a face or vertex is not valid"
            raise InputError(f"{self.path} is damaged: {problem}; export it again.")
        if uv_faces.max() >= len(uv):
            raise InputError(f"{self.path} is damaged: a texture coordinate is missing.")
        return Mesh(vertices, faces, uv, uv_faces)

    def _add_vertex(self, words: list[str]) -> None:
        if len(words) >= _WITH_COLOUR:  # more than the place and its weight
            self.colours[len(self.vertices) // 3] = _floats(words[3:], 3)
        self.vertices.extend(_floats(words, 3))

    def _add_polygon(self, corners: list[str]) -> None:
        if len(corners) > MOST_CORNERS:
            raise ValueError("too many corners")
        fields = [corner.split("/") for corner in corners]
        places, uvs = len(self.vertices) // 3, len(self.uv) // 2
        polygon = [_index(f[0], places) for f in fields]
        textured = all(len(f) > 1 and f[1] for f in fields)
        uv_polygon = [_index(f[1], uvs) for f in fields] if textured else [-1] * len(fields)
        for i in range(1, len(polygon) - 1):
            self.faces.extend((polygon[0], polygon[i], polygon[i + 1]))
            self.uv_faces.extend((uv_polygon[0], uv_polygon[i], uv_polygon[i + 1]))
            self.worn.append(len(self.used) - 1)


def _mesh(statements: ObjStatements) -> Mesh:
    mesh = statements.mesh()
    if (mesh.uv_faces < 0).any():
        return replace(mesh, uv=mesh.uv[:0], uv_faces=mesh.uv_faces[:0])
    return mesh


def _texture(
    statements: ObjStatements, materials: Materials, references: References
) -> Path | None:
    """The one picture that the faces show, else of any material, else a PNG of the mesh's name.

    A picture that is not there is named all the same, for whoever reads it to say so.
    """
    path = statements.path
    shown = dict.fromkeys(statements.used[used] for used in set(statements.worn) if used >= 0)
    own = _maps([materials.get(name) for name in shown])
    maps = own or _maps(list(materials.named.values()))
    if not maps:
        sibling = path.with_suffix(".png")
        return sibling if sibling.is_file() else None
    (texture, folder), names = maps[0], {texture.name for texture, _ in own}
    if len(names) > 1 or not texture.is_plain:
        raise InputError(
            f"{path} has {len(names)} pictures, or one that is scaled or moved (map_Kd); a head "
            "has one, as it is: add --retopologise to `edit`, which bakes them."
        )
    return references.find(texture.name, folder) or folder / portable(texture.name)


def _maps(materials: list[Material | None]) -> list[tuple[TextureMap, Path]]:
    """The materials' pictures, each with the folder of its library."""
    return [(look.map, look.folder) for look in materials if look is not None and look.map]


def _floats(words: list[str], count: int) -> list[float]:
    values = [float(word) for word in words[:count]]
    if len(values) < count:
        raise ValueError("too few numbers")
    return values


def _index(text: str, count: int) -> int:
    """A 1-based or, from the end, negative index as a 0-based one."""
    index = int(text)
    if index == 0 or index < -count:
        raise IndexError(text)
    return index - 1 if index > 0 else count + index
