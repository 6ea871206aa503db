"""Read and write safetensors files with numpy: read without trust, written without a copy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from clipface_cli.assets._makers import Array, checked_shape
from clipface_cli.budget import Refused

MAX_HEADER = 16 << 20
_TYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2",
    "I8": "i1", "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_NAMES = {np.dtype(text): name for name, text in _TYPES.items()}


def read_safetensors(path: Path) -> tuple[dict[str, Array], dict[str, str]]:
    """Arrays, mapped from the file, and the header's strings; Refused when the header lies."""
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if size < 8 or not 2 <= length <= min(size - 8, MAX_HEADER):
            raise Refused("its header is longer than the file or than any real one")
        header = _parsed(file.read(length))
    metadata = header.pop("__metadata__", {})
    if not all(isinstance(value, str) for value in _mapping(metadata).values()):
        raise Refused("its header holds something other than text")
    start, arrays = 8 + length, {}
    end = 0
    entries = sorted(header.items(), key=lambda item: _offsets(item[1]))
    for name, entry in entries:
        begin, stop = _offsets(entry)
        if begin != end or start + stop > size:
            raise Refused(f"its header points outside the file for {name[:60]!r}")
        arrays[name] = _mapped(path, name, entry, start + begin, stop - begin)
        end = stop
    if start + end != size:
        raise Refused("it is longer or shorter than its header says")
    return arrays, metadata


def _parsed(text: bytes) -> dict[str, Any]:
    try:
        return _mapping(json.loads(text))
    except (ValueError, RecursionError) as error:
        raise Refused("its header is not JSON") from error


def _mapping(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise Refused("its header is not a mapping")
    return value


def _offsets(entry: Any) -> tuple[int, int]:
    offsets: Any = _mapping(entry).get("data_offsets")
    if checked_shape(offsets) < 0 or len(offsets) != 2 or offsets[0] > offsets[1]:
        raise Refused("its header holds offsets that are none")
    return offsets[0], offsets[1]


def _mapped(path: Path, name: str, entry: dict[str, Any], start: int, length: int) -> Array:
    shape = entry.get("shape")
    count = checked_shape(shape)
    kind = entry.get("dtype")
    dtype = np.dtype("<u2" if kind == "BF16" else _TYPES.get(str(kind), "V0"))
    if dtype.itemsize == 0:
        raise Refused(f"{name[:60]!r} is of an unknown type {str(kind)[:20]!r}")
    if math.prod((count, dtype.itemsize)) != length:
        raise Refused(f"the shape {shape} of {name[:60]!r} and its bytes disagree"[:200])
    if length == 0:
        return np.zeros(tuple(shape or ()), dtype)
    flat = np.memmap(path, np.uint8, "r", start, (length,)).view(dtype)
    array: Array = flat.reshape(tuple(shape or ()))
    return (array.astype(np.uint32) << 16).view(np.float32) if kind == "BF16" else array


def write_safetensors(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, str]) -> None:
    """Write arrays one by one; the same content gives the same bytes."""
    header: dict[str, Any] = {"__metadata__": dict(sorted(metadata.items()))}
    names = sorted(arrays, key=lambda name: (-arrays[name].itemsize, name))
    end = 0
    for name in names:
        array = arrays[name]
        begin, end = end, end + array.size * array.itemsize
        kind = _NAMES[array.dtype.newbyteorder("<")]
        header[name] = {"dtype": kind, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with path.open("wb") as file:
        file.write(len(text).to_bytes(8, "little") + text)
        for name in names:
            little = arrays[name].dtype.newbyteorder("<")
            file.write(np.ascontiguousarray(arrays[name], little).data)
