"""Wavefront OBJ with its MTL and PNG."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts.files import write_text
from clipface_cli.artifacts.images import Pixels, save_image
from clipface_cli.artifacts.mesh import Mesh
from clipface_cli.errors import InputError
from clipface_cli.geometry import vertex_normals


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


def read_obj(path: Path) -> Mesh:
    """Read an OBJ of any origin: polygons become fans, negative indices and CRLF are fine.

    Normals, groups and lines are ignored. Texture coordinates count only when every corner has
    one. Raises InputError when the file is missing, not an OBJ, or refers to what is not there.
    """
    if path.suffix.lower() != ".obj" or not path.is_file():
        problem = "is not an .obj file" if path.exists() else "does not exist"
        raise InputError(
            f"The mesh {path} {problem}; give an OBJ such as `clipface sample` writes."
        )
    return _parsed(path).mesh()


def read_parts(path: Path) -> tuple[Mesh, list[Path], NDArray[np.int64]]:
    """Read an OBJ of several materials: the mesh, colour images, which one a face shows (F,).

    -1 where a face shows none. Raises InputError as `read_obj` does.
    """
    parser = _parsed(path)
    mesh = parser.mesh()
    names = [parser.materials.get(name) for name in parser.used]
    shown = [names[used] if used >= 0 else None for used in parser.worn]
    images = list(dict.fromkeys(image for image in shown if image is not None))
    if not images and mesh.texture is not None:
        return mesh, [mesh.texture], np.zeros(len(mesh.faces), np.int64)
    which = [-1 if image is None else images.index(image) for image in shown]
    return mesh, images, np.array(which, np.int64)


def _parsed(path: Path) -> _Parser:
    parser = _Parser(path)
    for number, line in enumerate(_text(path).replace("\\\n", " ").splitlines(), 1):
        parser.read_line(number, line.split(" #", 1)[0])
    return parser


class _Parser:
    """Collects the statements of one file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.vertices: list[list[float]] = []
        self.uv: list[list[float]] = []
        self.faces: list[list[int]] = []
        self.uv_faces: list[list[int]] = []
        self.materials: dict[str, Path] = {}
        self.used: list[str] = []
        self.worn: list[int] = []  # which of `used` each face wears

    def read_line(self, number: int, line: str) -> None:
        keyword, rest = _split(line)
        try:
            if keyword == "v":
                self.vertices.append(_floats(rest, 3))
            elif keyword == "vt":
                self.uv.append(_floats(rest + " 0", 2))
            elif keyword == "f":
                self._add_polygon(rest.split())
            elif keyword == "mtllib":
                self.materials |= _read_materials(self.path.parent / _portable(rest))
            elif keyword == "usemtl":
                self.used.append(rest.strip())
        except (ValueError, IndexError) as error:
            raise InputError(
                f"{self.path}, line {number}: cannot read {line[:60]!r}; export the mesh again."
            ) from error

    def _add_polygon(self, corners: list[str]) -> None:
        fields = [corner.split("/") for corner in corners]
        polygon = [_index(f[0], len(self.vertices)) for f in fields]
        textured = all(len(f) > 1 and f[1] for f in fields)
        uv_polygon = [_index(f[1], len(self.uv)) for f in fields] if textured else []
        for i in range(1, len(polygon) - 1):
            self.faces.append([polygon[0], polygon[i], polygon[i + 1]])
            self.worn.append(len(self.used) - 1)
            if textured:
                self.uv_faces.append([uv_polygon[0], uv_polygon[i], uv_polygon[i + 1]])

    def mesh(self) -> Mesh:
        if not self.faces:
            raise InputError(f"{self.path} holds no faces; is it an OBJ mesh?")
        vertices = np.array(self.vertices, np.float64)
        faces = np.array(self.faces, np.int64)
        if faces.max() >= len(vertices) or not np.isfinite(vertices).all():
            raise InputError(
                f"{self.path} is damaged: a face or vertex is not valid; export it again."
            )
        textured = len(self.uv_faces) == len(faces)
        if textured and np.max(self.uv_faces) >= len(self.uv):
            raise InputError(f"{self.path} is damaged: a texture coordinate is missing.")
        return Mesh(
            vertices,
            faces,
            np.array(self.uv if textured else [], np.float64).reshape(-1, 2),
            np.array(self.uv_faces if textured else [], np.int64).reshape(-1, 3),
            self._texture(),
        )

    def _texture(self) -> Path | None:
        """The image of the first used material that has one, else a PNG of the mesh's name."""
        images = [self.materials[name] for name in self.used if name in self.materials]
        images += list(self.materials.values())
        sibling = self.path.with_suffix(".png")
        return images[0] if images else sibling if sibling.is_file() else None


def _read_materials(path: Path) -> dict[str, Path]:
    """Colour image of each material that has one; a missing library is no error."""
    images: dict[str, Path] = {}
    name = ""
    for line in _text(path).splitlines() if path.is_file() else ():
        keyword, rest = _split(line)
        if keyword == "newmtl":
            name = rest.strip()
        elif keyword.lower() == "map_kd" and rest.strip():
            images[name] = _image(path.parent, _portable(rest))
    return images


def _image(folder: Path, text: str) -> Path:
    """The file a `map_Kd` names; options such as `-s 1 1 1` may precede it."""
    if text.startswith("-") and not (folder / text).is_file():
        words = text.split()
        for first in range(len(words)):
            candidate = folder / " ".join(words[first:])
            if candidate.is_file():
                return candidate
        text = words[-1]
    return folder / text


def _text(path: Path) -> str:
    """The file as text with Unix line ends, whatever wrote it."""
    text = path.read_bytes().decode("utf-8-sig", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _split(line: str) -> tuple[str, str]:
    """Keyword and the rest of a statement."""
    words = line.split(None, 1)
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def _portable(name: str) -> str:
    return name.strip().strip('"').replace("\\", "/")


def _floats(text: str, count: int) -> list[float]:
    values = [float(word) for word in text.split()[:count]]
    if len(values) < count:
        raise ValueError("too few numbers")
    return values


def _index(text: str, count: int) -> int:
    """A 1-based or, from the end, negative index as a 0-based one."""
    index = int(text)
    if index == 0 or index < -count:
        raise IndexError(text)
    return index - 1 if index > 0 else count + index
