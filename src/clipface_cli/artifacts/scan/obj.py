"""OBJ: pictures, colours of vertices and of materials."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import Pixels, load_pixels
from clipface_cli.artifacts.mtl import Material, TextureMap
from clipface_cli.artifacts.obj import ObjStatements, read_statements
from clipface_cli.artifacts.references import References
from clipface_cli.artifacts.scan.builder import WHITE, ScanBuilder
from clipface_cli.artifacts.scan.groups import groups
from clipface_cli.artifacts.scan.surface import REPEAT, Wraps, linear
from clipface_cli.errors import InputError

_UDIM = re.compile(r"<udim>|%\(udim\)d", re.IGNORECASE)
_UV_TILE = re.compile(r"<uvtile>", re.IGNORECASE)
_FIRST_TILE = re.compile(r"(?<!\d)1001(?!\d)")
_TILES_ACROSS = 10
_CLAMP: Wraps = ("clamp", "clamp")


def add_obj(builder: ScanBuilder, references: References) -> None:
    """Add an OBJ's triangles, each with its material's picture.

    Without one it has the colours of its vertices, without those the colour of its material.
    Raises InputError for faces that have none of them.
    """
    statements = read_statements(references.mesh)
    builder.reserve(len(statements.vertices) // 3, len(statements.worn))
    mesh, colours = statements.mesh(), _vertex_colours(statements)
    textured = mesh.uv_faces.min(1) >= 0
    uv = np.zeros((len(mesh.faces), 3, 2))
    uv[textured] = mesh.uv[mesh.uv_faces[textured]]
    picture = np.full(len(mesh.faces), -1)
    coloured = ~np.isnan(colours[mesh.faces].sum((1, 2)))
    by_vertices = np.zeros(len(mesh.faces), np.bool_)
    for material, rows in _by_material(statements, references):
        if material is not None and material.map is not None:
            shown = rows[textured[rows]]
            _add_pictures(builder, references, material, shown, uv, picture)
        missing = rows[picture[rows] < 0]
        by_vertices[missing] = coloured[missing]
        missing = missing[~coloured[missing]]
        if len(missing) and (material is None or material.colour is None):
            raise _colourless(references.mesh, bool(textured[missing].all()))
        if len(missing) and material is not None and material.colour is not None:
            picture[missing] = builder.plain(material.colour)
    tint = None
    if by_vertices.any():
        picture[by_vertices] = builder.plain(WHITE)
        tint = np.ones((len(mesh.faces), 3, 3))
        tint[by_vertices] = linear(colours)[mesh.faces[by_vertices]]
    builder.add(mesh.vertices, mesh.faces, uv, picture, tint)


def _vertex_colours(statements: ObjStatements) -> NDArray[np.float64]:
    """sRGB in 0..1 of the vertices (V, 3), NaN where they have none."""
    colours = np.full((len(statements.vertices) // 3, 3), np.nan)
    if statements.colours:
        given = np.array(list(statements.colours.values()), np.float64)
        colours[list(statements.colours)] = given / 255 if given.max() > 1 else given
    return colours


def _by_material(
    statements: ObjStatements, references: References
) -> Iterator[tuple[Material | None, NDArray[np.int64]]]:
    """Each material with the faces that have it, None for faces without.

    Where no material has a picture, a PNG of the mesh's name is all faces'; where faces name no
    material, the only one that has a picture is theirs.
    """
    materials = statements.materials(references)
    pictured = [found for found in materials.named.values() if found.map is not None]
    sibling = references.mesh.with_suffix(".png")
    default = pictured[0] if len(pictured) == 1 and not statements.used else None
    if not pictured and sibling.is_file():
        default = Material(references.folder, TextureMap(sibling.name))
    names = list(dict.fromkeys(statements.used))
    numbers = {name: number for number, name in enumerate(names)}
    worn = np.array([*(numbers[name] for name in statements.used), -1])[np.array(statements.worn)]
    for number, rows in groups(worn):
        yield default or (materials.get(names[number]) if number >= 0 else None), rows


def _add_pictures(
    builder: ScanBuilder,
    references: References,
    material: Material,
    rows: NDArray[np.int64],
    uv: NDArray[np.float64],
    picture: NDArray[np.int64],
) -> None:
    """Set uv (F, 3, 2) and picture (F,) of the faces in `rows` by the material's map."""
    shown = material.map
    if shown is None or not len(rows):
        return
    if shown.turbulent:
        raise InputError(f"{references.mesh} has turbulence in a texture (map_Kd -t); bake it.")
    uv[rows] = uv[rows] * shown.scale + shown.offset
    if not np.isfinite(uv[rows]).all():
        raise InputError(f"{references.mesh} is damaged: texture coordinates are no numbers.")
    tiles = np.floor(uv[rows].mean(1))
    if not _is_udim(references, material, tiles):
        picture[rows] = _load(builder, references, material, shown.name)
        return
    for tile in np.unique(tiles, axis=0):
        name = _tile_name(shown.name, int(tile[0]), int(tile[1]))
        picture[rows[(tiles == tile).all(1)]] = _load(builder, references, material, name)


def _is_udim(references: References, material: Material, tiles: NDArray[np.float64]) -> bool:
    """Whether the map has a picture for each square of UVs; tiles (N, 2) are those in use."""
    name = "" if material.map is None else material.map.name
    if _UDIM.search(name) or _UV_TILE.search(name):
        return True
    if not _FIRST_TILE.search(name) or not tiles.any():
        return False
    others = {(int(u), int(v)) for u, v in np.unique(tiles, axis=0)} - {(0, 0)}
    names = [_tile_name(name, u, v) for u, v in others if 0 <= u < _TILES_ACROSS and v >= 0]
    return any(references.find(other, material.folder) for other in names)


def _tile_name(name: str, u: int, v: int) -> str:
    number = str(1001 + u + _TILES_ACROSS * v)
    if not 0 <= u < _TILES_ACROSS or v < 0:
        number = f"for UVs around {u}, {v}"  # no tile: the error names it
    for pattern in (_UDIM, _FIRST_TILE):
        if pattern.search(name):
            return pattern.sub(number, name)
    return _UV_TILE.sub(f"u{u + 1}_v{v + 1}", name)


def _load(builder: ScanBuilder, references: References, material: Material, name: str) -> int:
    """The number of the picture of this name, with the map's tone and wrapping."""
    shown = material.map or TextureMap(name)
    path = references.find(name, material.folder)
    if path is None:
        raise InputError(
            f"{references.mesh} names the picture {name}, which is not there; put it beside it."
        )
    load = partial(_toned, path, shown.base, shown.gain)
    return builder.picture((path, shown.base, shown.gain), load, _CLAMP if shown.clamp else REPEAT)


def _toned(path: Path, base: float, gain: float, max_megapixels: float) -> Pixels:
    """A picture (H, W, 3) with texel * gain + base."""
    pixels = load_pixels(path, max_megapixels)
    if (base, gain) == (0.0, 1.0):
        return pixels
    table: Pixels = np.round((np.arange(256) * gain + 255 * base).clip(0, 255)).astype(np.uint8)
    return table[pixels]


def _colourless(path: Path, with_uv: bool) -> InputError:
    if not with_uv:
        return InputError(
            f"{path} has no texture coordinates on some or all faces, nor colours of its vertices; "
            "export it with UVs."
        )
    return InputError(
        f"{path} has faces without a texture (map_Kd in its .mtl) or colours of the vertices; a "
        "head needs one everywhere."
    )
