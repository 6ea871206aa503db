"""glTF 2.0 and GLB: the triangles of the scene with base colours and vertex colours."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.references import References
from clipface_cli.artifacts.scan.builder import ScanBuilder
from clipface_cli.artifacts.scan.gltf_file import (
    MESH_COMPRESSION,
    GltfFile,
    Object,
    Values,
    an_object,
    list_of,
    object_in,
)
from clipface_cli.artifacts.scan.gltf_material import look_of
from clipface_cli.artifacts.scan.gltf_nodes import Nodes
from clipface_cli.errors import InputError

_TRIANGLES, _STRIP, _FAN = 4, 5, 6


def add_gltf(builder: ScanBuilder, references: References) -> None:
    """Add every primitive that the scene shows, as it is at rest and with its default morphs.

    Raises InputError for faces that have neither a picture nor a colour.
    """
    file = GltfFile(references)
    nodes = Nodes(file)
    for index in nodes.shown:
        node = file.item("nodes", index)
        if "mesh" not in node:
            continue
        mesh = file.item("meshes", node["mesh"])
        weights = list_of(node if "weights" in node else mesh, "weights")
        for number, entry in enumerate(list_of(mesh, "primitives")):
            primitive = an_object(entry, f"primitives[{number}]")
            if primitive.get("mode", _TRIANGLES) in (_TRIANGLES, _STRIP, _FAN):
                _add_primitive(builder, file, nodes, index, primitive, weights)


def _add_primitive(
    builder: ScanBuilder,
    file: GltfFile,
    nodes: Nodes,
    node: int,
    primitive: Object,
    weights: list[object],
) -> None:
    attributes = object_in(primitive, "attributes")
    _check_compression(file, primitive, attributes)
    look = look_of(file, builder, primitive.get("material"))
    if not look.stated and "COLOR_0" not in attributes:
        raise InputError(
            "has faces without a picture or colour (base colour texture, COLOR_0); bake one"
        )
    vertices = _of_width(file.accessor(attributes.get("POSITION")), 3)
    faces = _faces(file, primitive, len(vertices))
    if not len(faces):
        return
    builder.reserve(len(vertices), len(faces))
    vertices = nodes.placed(node, _morphed(file, vertices, primitive, weights), attributes)
    uv, tint = None, None
    if look.coordinates is not None:
        name = f"TEXCOORD_{look.coordinates}"
        if name not in attributes:
            raise InputError(f"has a texture without its coordinates ({name}); export it with UVs")
        uv = look.uv(_as_many(file.accessor(attributes[name]), vertices, 2))[faces]
    if "COLOR_0" in attributes:
        tint = _as_many(file.colours(attributes["COLOR_0"]), vertices, 3)[faces]
    used, compact = np.unique(faces, return_inverse=True)
    builder.add(vertices[used], compact.reshape(-1, 3), uv, look.picture, tint)


def _check_compression(file: GltfFile, primitive: Object, attributes: Object) -> None:
    """InputError where a mesh is there in compressed form only."""
    for name, method in MESH_COMPRESSION.items():
        if name in object_in(primitive, "extensions"):
            plain = file.item("accessors", attributes.get("POSITION"))
            if "bufferView" not in plain:
                raise InputError(f"is {method}-compressed, which is not read; export it without")


def _faces(file: GltfFile, primitive: Object, count: int) -> NDArray[np.int64]:
    """Triangles (F, 3) of a list, strip or fan of corners."""
    corners = np.arange(count)
    if "indices" in primitive:
        corners = file.integers(primitive["indices"]).reshape(-1)
        if len(corners) and not 0 <= corners.min() <= corners.max() < count:
            raise InputError("is damaged: a face has a vertex that is not there; export it again")
    mode = primitive.get("mode", _TRIANGLES)
    if mode == _TRIANGLES:
        return corners[: len(corners) // 3 * 3].reshape(-1, 3)
    if mode == _FAN:
        rest = np.stack([corners[1:-1], corners[2:]], 1)
        return np.concatenate([np.broadcast_to(corners[:1], (len(rest), 1)), rest], 1)
    strip = np.stack([corners[:-2], corners[1:-1], corners[2:]], 1)
    strip[1::2] = strip[1::2, [1, 0, 2]]
    return strip


def _morphed(file: GltfFile, vertices: Values, primitive: Object, weights: list[object]) -> Values:
    """Vertices (V, 3) with the default weights of their morph targets."""
    for target, weight in zip(list_of(primitive, "targets"), weights, strict=False):
        if not isinstance(weight, (int, float)):
            raise InputError("is damaged: a weight of a morph target is no number")
        shape = an_object(target, "a morph target")
        if weight and "POSITION" in shape:
            vertices = vertices + weight * _as_many(file.accessor(shape["POSITION"]), vertices, 3)
    return vertices


def _as_many(values: Values, vertices: Values, width: int) -> Values:
    if len(values) != len(vertices):
        raise InputError("is damaged: attributes of a mesh are not as many as its vertices")
    return _of_width(values, width)


def _of_width(values: Values, width: int) -> Values:
    if values.shape[1] != width:
        raise InputError(f"is damaged: an attribute has {values.shape[1]} numbers, not {width}")
    return values
