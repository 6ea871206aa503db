"""PLY: pictures with texture coordinates of corners or vertices, colours of vertices or faces."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import load_pixels
from clipface_cli.artifacts.obj import MOST_CORNERS
from clipface_cli.artifacts.references import References
from clipface_cli.artifacts.scan.builder import WHITE, ScanBuilder
from clipface_cli.artifacts.scan.ply_elements import Element, List, PlyFile, read_ply
from clipface_cli.artifacts.scan.surface import linear
from clipface_cli.errors import InputError

_CORNERS = ("texcoord", "texcoords", "texture_coordinates")  # lists of faces
_UV_NAMES = (("s", "t"), ("u", "v"), ("texture_u", "texture_v"), ("texture_s", "texture_t"))
_COLOUR_NAMES = (
    ("red", "green", "blue"),
    ("diffuse_red", "diffuse_green", "diffuse_blue"),
    ("r", "g", "b"),
)
_FULL = {"u1": 255, "u2": 65535}  # white in integers


def add_ply(builder: ScanBuilder, references: References) -> None:
    """Add a PLY's polygons with its pictures, or with its colours where it names no picture.

    Raises InputError where it has neither, and where a picture that it names is not there.
    """
    found = read_ply(references.mesh)
    vertex, face = found.elements.get("vertex"), found.elements.get("face")
    places = vertex.numbers("x", "y", "z") if vertex is not None else None
    polygons = face.list_of("vertex_indices", "vertex_index") if face is not None else None
    if vertex is None or face is None or places is None or polygons is None:
        raise InputError("holds no triangles; is it a point cloud?")
    pieces = np.maximum(polygons.counts - 2, 0)
    if polygons.counts.max(initial=0) > MOST_CORNERS:
        raise InputError(f"has a face of more than {MOST_CORNERS} corners; triangulate it")
    builder.reserve(vertex.count, int(pieces.sum()))
    vertices = np.stack(places, 1).astype(np.float64)
    corners, owner = _fans(polygons.counts, pieces)
    faces = polygons.values.astype(np.float64)[corners]
    if not ((faces >= 0) & (faces < len(vertices))).all():
        raise InputError("is damaged: a face has a vertex that is not there; export it again")
    triangles = faces.astype(np.int64)
    uv = _corner_uv(vertex, face, polygons, corners, triangles)
    names = _picture_names(found)
    if names and uv is not None:
        picture = _pictures(builder, references, face, names)[owner]
        builder.add(vertices, triangles, uv, picture)
        return
    colours = _colours(vertex), _colours(face)
    if colours[0] is not None:
        tint = linear(colours[0])[triangles]
    elif colours[1] is not None:
        tint = np.repeat(linear(colours[1])[owner][:, None], 3, 1)
    else:
        raise InputError(
            "has no picture (comment TextureFile with texture coordinates) and no colours of its "
            "vertices; export it with one of them"
        )
    builder.add(vertices, triangles, None, builder.plain(WHITE), tint)


def _fans(
    counts: NDArray[np.int64], pieces: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Corners (F, 3) of the triangles of polygons, in their list, and the polygon (F,) of each.

    counts, pieces: corners and triangles (N,) of the polygons.
    """
    starts = np.cumsum(counts) - counts
    owner = np.repeat(np.arange(len(counts)), pieces)
    step = np.arange(len(owner)) - np.repeat(np.cumsum(pieces) - pieces, pieces)
    first = starts[owner]
    return np.stack([first, first + step + 1, first + step + 2], 1), owner


def _corner_uv(
    vertex: Element,
    face: Element,
    polygons: List,
    corners: NDArray[np.int64],
    triangles: NDArray[np.int64],
) -> NDArray[np.float64] | None:
    """Texture coordinates (F, 3, 2), v upwards: of the faces' corners, else of vertices."""
    wedges = face.list_of(*_CORNERS)
    if wedges is not None and (wedges.counts == 2 * polygons.counts).all():
        return wedges.values.astype(np.float64).reshape(-1, 2)[corners]
    for names in _UV_NAMES:
        found = vertex.numbers(*names)
        if found is not None:
            return np.stack(found, 1).astype(np.float64)[triangles]
    return None


def _picture_names(found: PlyFile) -> list[str]:
    """Pictures in the order in which the header's comments name them."""
    split = [comment.split(None, 1) for comment in found.comments]
    return [words[1] for words in split if len(words) == 2 and words[0].lower() == "texturefile"]


def _pictures(
    builder: ScanBuilder, references: References, face: Element, names: list[str]
) -> NDArray[np.int64]:
    """The number of each polygon's picture: by `texnumber`, else the first."""
    given = face.numbers("texnumber") or [np.zeros(face.count)]
    which = given[0].astype(np.float64)
    if not ((which >= 0) & (which < len(names))).all():
        raise InputError("has faces without a picture (texnumber); bake one for all of them")
    numbers = np.zeros(len(names), np.int64)
    for used in np.unique(which.astype(np.int64)).tolist():
        path = references.find(names[used])
        if path is None:
            raise InputError(f"names the picture {names[used]}, which is not there; put it beside")
        numbers[used] = builder.picture(path, partial(load_pixels, path))
    return numbers[which.astype(np.int64)]


def _colours(element: Element) -> NDArray[np.float64] | None:
    """sRGB colours (N, 3) in 0..1 of vertices or faces."""
    for names in _COLOUR_NAMES:
        found = element.numbers(*names)
        if found is not None:
            values = np.stack(found, 1).astype(np.float64)
            full = _FULL.get(element.properties[names[0]].type, 1)
            if full == 1 and len(values) and values.max() > 1:
                full = 255
            return values / full
    return None
