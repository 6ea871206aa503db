"""A glTF 2.0 file: its JSON, with checked access, its buffers and accessors."""

from __future__ import annotations

import base64
import binascii
import json
import math
import struct
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import unquote, unquote_to_bytes

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.references import References
from clipface_cli.budget import Budget
from clipface_cli.errors import InputError

Object: TypeAlias = dict[str, Any]
Values: TypeAlias = NDArray[np.float64]

MESH_COMPRESSION = {
    "KHR_draco_mesh_compression": "Draco",
    "EXT_meshopt_compression": "meshopt",
    "KHR_meshopt_compression": "meshopt",
}
# required extensions that are read, or that change neither surface nor base colour
_SHINE = "anisotropy clearcoat dispersion emissive_strength ior iridescence sheen specular"
READ = {
    "KHR_mesh_quantization",
    "KHR_texture_transform",
    "KHR_lights_punctual",
    "KHR_xmp_json_ld",
    "EXT_texture_webp",
    "EXT_texture_avif",
    "KHR_materials_pbrSpecularGlossiness",
    *(f"KHR_materials_{name}" for name in ("unlit", "variants", "transmission", "volume")),
    *(f"KHR_materials_{name}" for name in _SHINE.split()),
}
_TYPES = {5120: "<i1", 5121: "<u1", 5122: "<i2", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT2": 4, "MAT3": 9, "MAT4": 16}
_MAGIC, _JSON, _BINARY = b"glTF", 0x4E4F534A, 0x004E4942
_MOST = 1 << 40  # larger numbers are no places in a file


class GltfFile:
    """One file and what it refers to. All errors are clauses of InputError."""

    def __init__(self, references: References) -> None:
        self.references = references
        text, self._binary = _chunks(references.mesh.read_bytes())
        try:
            self.root = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InputError(f"is damaged: its JSON cannot be read ({error})") from error
        if not isinstance(self.root, dict):
            raise InputError("is no glTF file")
        self._buffers: dict[int, bytes] = {}
        self._accessors: dict[int, tuple[NDArray[Any], bool]] = {}
        self._budget = Budget.of_file(len(text) + len(self._binary or b""))
        self._check_wanted()

    def items(self, name: str) -> list[Any]:
        """One of the file's lists, empty where it is not there."""
        return list_of(self.root, name)

    def item(self, name: str, index: object) -> Object:
        """One entry of one of the file's lists."""
        found = self.items(name)
        if not isinstance(index, int) or isinstance(index, bool) or not 0 <= index < len(found):
            raise InputError(f"is damaged: it has no {name}[{index}]")
        return an_object(found[index], f"{name}[{index}]")

    def accessor(self, index: object) -> Values:
        """An accessor's values (N, k), k 1 for scalars; integers in 0..1 where it is normalised."""
        return _normalised(self._raw(index))

    def integers(self, index: object) -> NDArray[np.int64]:
        """An accessor of integers (N, k)."""
        values, _ = self._raw(index)
        if values.dtype.kind == "f":
            raise InputError(f"is damaged: accessors[{index}] should hold integers")
        return values.astype(np.int64)

    def colours(self, index: object) -> Values:
        """An accessor of linear colours (N, 3); integers are in 0..1 whether it says so or not."""
        values, _ = self._raw(index)
        if values.shape[1] < 3:
            raise InputError(f"is damaged: accessors[{index}] holds no colours")
        return _normalised((values, values.dtype.kind != "f"))[:, :3].clip(0, 1)

    def view(self, index: object) -> memoryview:
        """The bytes of a buffer view, without a copy."""
        view = self.item("bufferViews", index)
        for name, method in MESH_COMPRESSION.items():
            if name in object_in(view, "extensions"):
                raise _compressed(method)
        data = self._buffer(view.get("buffer"))
        start, length = whole(view, "byteOffset"), whole(view, "byteLength")
        if start + length > len(data):
            raise InputError(f"is cut off or damaged: bufferViews[{index}] is not all there")
        return memoryview(data)[start : start + length]

    def load(self, uri: str) -> bytes:
        """The bytes that a URI means: a data URI, or a file beside the mesh."""
        if uri.startswith("data:"):
            head, _, body = uri.partition(",")
            try:
                return (
                    base64.b64decode(body) if head.endswith(";base64") else unquote_to_bytes(body)
                )
            except (binascii.Error, ValueError) as error:
                raise InputError("is damaged: a data URI cannot be read") from error
        return self.file(uri).read_bytes()

    def file(self, uri: str) -> Path:
        """The file that a URI means."""
        path = self.references.find(unquote(uri)) or self.references.find(uri)
        if path is None:
            raise InputError(f"names the file {uri[:200]}, which is not there; put it beside")
        return path

    def _check_wanted(self) -> None:
        """InputError, by name, for versions and required extensions that are not read."""
        version = object_in(self.root, "asset").get("version")
        if not str(version).startswith("2"):
            raise InputError(f"is glTF {version}, only 2.0 is read; export it again")
        for name in list_of(self.root, "extensionsRequired"):
            if str(name) in MESH_COMPRESSION:
                raise _compressed(MESH_COMPRESSION[str(name)])
            if str(name) not in READ:
                raise InputError(f"needs the extension {name}, which is not read; export without")

    def _buffer(self, index: object) -> bytes:
        buffer = self.item("buffers", index)
        number = int(str(index))
        if number not in self._buffers:
            uri = buffer.get("uri")
            if isinstance(uri, str):
                self._buffers[number] = self.load(uri)
                self._budget.admit(len(self._buffers[number]))
            elif number == 0 and self._binary is not None:
                self._buffers[number] = self._binary
            else:
                raise InputError(f"is cut off or damaged: buffers[{number}] is not there")
        return self._buffers[number]

    def _raw(self, index: object) -> tuple[NDArray[Any], bool]:
        """Values (N, k) as they are stored, and whether they are normalised; each read once."""
        accessor = self.item("accessors", index)
        number = int(str(index))
        if number not in self._accessors:
            self._accessors[number] = self._read(accessor)
        return self._accessors[number]

    def _read(self, accessor: Object) -> tuple[NDArray[Any], bool]:
        kind, width = _TYPES.get(key(accessor, "componentType")), _WIDTHS.get(key(accessor, "type"))
        if kind is None or width is None:
            raise InputError("is damaged: an accessor is of no known type")
        count = whole(accessor, "count")
        self._budget.spend(count * width * np.dtype(np.float64).itemsize, "has an accessor that")
        if "bufferView" in accessor:
            values = self._strided(accessor, kind, width, count)
        else:
            values = np.zeros((count, width), kind)
        if "sparse" in accessor:
            values = self._sparse(object_in(accessor, "sparse"), values)
        return values, accessor.get("normalized") is True

    def _strided(self, accessor: Object, kind: str, width: int, count: int) -> NDArray[Any]:
        index = accessor["bufferView"]
        data = self.view(index)
        start, size = whole(accessor, "byteOffset"), width * np.dtype(kind).itemsize
        stride = whole(self.item("bufferViews", index), "byteStride") or size
        if count and start + stride * (count - 1) + size > len(data):
            raise InputError("is cut off or damaged: an accessor is not all there")
        if stride < size:
            raise InputError("is damaged: values of an accessor overlap")
        item = np.dtype(kind)
        return np.ndarray((count, width), item, data, start, (stride, item.itemsize)).copy()

    def _sparse(self, sparse: Object, values: NDArray[Any]) -> NDArray[Any]:
        """Values (N, k) with some rows replaced."""
        count = whole(sparse, "count")
        where, what = object_in(sparse, "indices"), object_in(sparse, "values")
        kind = _TYPES.get(key(where, "componentType"), "<f4")
        rows = self._strided(where, kind, 1, count)[:, 0] if "bufferView" in where else None
        if rows is None or "bufferView" not in what or rows.dtype.kind != "u":
            raise InputError("is damaged: a sparse accessor is incomplete")
        if count and rows.max() >= len(values):
            raise InputError("is damaged: a sparse accessor has a value that is not there")
        values[rows] = self._strided(what, values.dtype.str, values.shape[1], count)
        return values


def an_object(value: object, where: str) -> Object:
    """The value, which must be a JSON object."""
    if not isinstance(value, dict):
        raise InputError(f"is damaged: {where} is no object")
    return value


def object_in(parent: Object, name: str) -> Object:
    """A JSON object's member, which is an object too, empty where it is not there."""
    return an_object(parent.get(name, {}), name)


def list_of(parent: Object, name: str) -> list[Any]:
    """A JSON object's member, which is a list, empty where it is not there."""
    found = parent.get(name, [])
    if not isinstance(found, list):
        raise InputError(f"is damaged: {name} is no list")
    return found


def key(parent: Object, name: str) -> Any:
    """A member that chooses among a few values; None for what can be none of them."""
    found = parent.get(name)
    return found if isinstance(found, (int, str)) else None


def whole(parent: Object, name: str) -> int:
    """A member that is a whole number from 0, 0 where it is not there."""
    found = parent.get(name, 0)
    if not isinstance(found, int) or isinstance(found, bool) or not 0 <= found < _MOST:
        raise InputError(f"is damaged: {name} is {found!r:.40}")
    return found


def vector(parent: Object, name: str, default: tuple[float, ...]) -> Values:
    """A member that is a list of N numbers (N,), as many as its default has."""
    found = parent.get(name, default)
    numbers = isinstance(found, (list, tuple)) and all(
        isinstance(value, (int, float)) and math.isfinite(value) for value in found
    )
    if not numbers or len(found) != len(default):
        raise InputError(f"is damaged: {name} should be {len(default)} numbers")
    return np.array(found, np.float64)


def _chunks(data: bytes) -> tuple[bytes, bytes | None]:
    """JSON and binary chunk of a GLB; a glTF's whole text, without a binary one."""
    if not data.startswith(_MAGIC):
        if not data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
            raise InputError("is no glTF file; export it again as GLB")
        return data, None
    if len(data) < 20:
        raise InputError("is cut off")
    version, length = struct.unpack("<II", data[4:12])
    if version != 2:
        raise InputError(f"is a GLB of version {version}, only 2 is read; export it again")
    if length > len(data):
        raise InputError("is cut off: download or export it again")
    found: dict[int, bytes] = {}
    at = 12
    while at + 8 <= length:
        size, kind = struct.unpack("<II", data[at : at + 8])
        if at + 8 + size > len(data):
            raise InputError("is damaged: a chunk is longer than the file")
        found.setdefault(kind, data[at + 8 : at + 8 + size])
        at += 8 + size
    if _JSON not in found:
        raise InputError("is damaged: it has no JSON")
    return found[_JSON], found.get(_BINARY)


def _normalised(stored: tuple[NDArray[Any], bool]) -> Values:
    values, normalised = stored
    if not normalised or values.dtype.kind == "f":
        return values.astype(np.float64)
    return np.maximum(values.astype(np.float64) / np.iinfo(values.dtype).max, -1)


def _compressed(method: str) -> InputError:
    return InputError(f"is {method}-compressed, which is not read; export it without compression")
