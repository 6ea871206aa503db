"""Elements of a PLY file, ASCII or binary, as arrays."""

from __future__ import annotations

import struct
import warnings
from array import array
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clipface_cli.errors import InputError

_TYPES = {
    **dict.fromkeys(("char", "int8"), "i1"),
    **dict.fromkeys(("uchar", "uint8"), "u1"),
    **dict.fromkeys(("short", "int16"), "i2"),
    **dict.fromkeys(("ushort", "uint16"), "u2"),
    **dict.fromkeys(("int", "int32"), "i4"),
    **dict.fromkeys(("uint", "uint32"), "u4"),
    **dict.fromkeys(("float", "float32"), "f4"),
    **dict.fromkeys(("double", "float64"), "f8"),
}
_LAYOUTS = dict(zip(("i1", "u1", "i2", "u2", "i4", "u4", "f4", "f8"), "bBhHiIfd", strict=True))
_ORDERS = {"ascii": "", "binary_little_endian": "<", "binary_big_endian": ">"}
_HEADER_BYTES = 1 << 16


@dataclass
class Property:
    """type: of its numbers, such as f4; count: of the number of them in a list, else empty."""

    type: str
    count: str = ""


@dataclass
class List:
    """Rows of several numbers: how many each row has (N,), and all of them one after the other."""

    counts: NDArray[np.int64]
    values: NDArray[Any]


Column: TypeAlias = "NDArray[Any] | List"


@dataclass
class Element:
    """count: rows; properties and, once read, columns by name."""

    count: int
    properties: dict[str, Property] = field(default_factory=dict)
    columns: dict[str, Column] = field(default_factory=dict)

    def numbers(self, *names: str) -> list[NDArray[Any]] | None:
        """The columns (N,) of these names, where all are there."""
        found = [self.columns.get(name) for name in names]
        arrays = [column for column in found if isinstance(column, np.ndarray)]
        return arrays if len(arrays) == len(names) else None

    def list_of(self, *names: str) -> List | None:
        """The first list that has one of these names."""
        found = (self.columns.get(name) for name in names)
        return next((column for column in found if isinstance(column, List)), None)


@dataclass
class PlyFile:
    """comments: of the header; elements by name."""

    comments: list[str]
    elements: dict[str, Element]


def read_ply(path: Path) -> PlyFile:
    """All elements of a file; InputError, a clause, for one that is damaged or cut off."""
    data = path.read_bytes()
    end = data.find(b"end_header", 0, _HEADER_BYTES)
    if not data.startswith(b"ply") or end < 0:
        raise InputError("is no PLY file")
    try:
        order, found = _read_header(data[:end].decode("latin-1"))
    except (IndexError, KeyError, ValueError) as error:
        raise InputError(f"has a header that makes no sense ({error})") from error
    content = data[data.find(b"\n", end) + 1 :]
    reader = _Reader(content, order) if order else _Reader(_numbers(content), "")
    for element in found.elements.values():
        reader.read(element)
    return found


def _numbers(text: bytes) -> bytes:
    """Text of an ASCII file as its numbers in binary, doubles whatever their type."""
    with warnings.catch_warnings():
        warnings.simplefilter("error", DeprecationWarning)
        try:
            return np.fromstring(text, np.float64, sep=" ").tobytes()
        except (DeprecationWarning, ValueError) as error:
            raise InputError("is damaged: its text holds what is no number") from error


def _read_header(text: str) -> tuple[str, PlyFile]:
    """Byte order, "" for ASCII, and the elements without their columns."""
    found, order, element = PlyFile([], {}), "", Element(0)
    for line in text.splitlines()[1:]:
        words = line.split()
        if not words:
            continue
        if words[0] == "format":
            order = _ORDERS[words[1]]
        elif words[0] == "comment":
            found.comments.append(line.strip()[len("comment") :].strip())
        elif words[0] == "element":
            element = found.elements[words[1]] = Element(int(words[2]))
            if element.count < 0:
                raise ValueError(line)
        elif words[0] == "property" and words[1] == "list":
            element.properties[words[4]] = Property(_TYPES[words[3]], _TYPES[words[2]])
        elif words[0] == "property":
            element.properties[words[2]] = Property(_TYPES[words[1]])
    return order, found


class _Reader:
    """Takes elements from binary numbers, one after the other; order "": all are doubles."""

    def __init__(self, data: bytes, order: str) -> None:
        self._data, self._order, self._at = data, order, 0

    def read(self, element: Element) -> None:
        """Read the columns of the next element."""
        if not element.properties or not element.count:
            return
        kinds = element.properties.values()
        shortest = sum(self._type(kind.count or kind.type).itemsize for kind in kinds)
        self._check(self._at + element.count * shortest)
        if not self._read_even(element):
            self._read_rows(element)

    def _read_even(self, element: Element) -> bool:
        """Read rows whose lists are as long as the first row's; False where they are not."""
        fields: list[tuple[str, np.dtype[Any], tuple[int, ...]]] = []
        at, counts = self._at, {}
        for name, kind in element.properties.items():
            if kind.count:
                counts[name] = self._count(kind, at)
                fields.append((f"count of {name}", self._type(kind.count), ()))
            shape = (counts[name],) if kind.count else ()
            fields.append((name, self._type(kind.type), shape))
            at = self._at + np.dtype(fields).itemsize
            self._check(at)
        row = np.dtype(fields)
        if element.count * row.itemsize > len(self._data) - self._at:
            return False
        rows = np.frombuffer(self._data, row, element.count, self._at)
        if any((rows[f"count of {name}"] != count).any() for name, count in counts.items()):
            return False
        for name in element.properties:
            column = np.ascontiguousarray(rows[name])
            if name in counts:
                lengths = np.full(element.count, counts[name])
                element.columns[name] = List(lengths, column.reshape(-1))
            else:
                element.columns[name] = column
        self._at += element.count * row.itemsize
        return True

    def _read_rows(self, element: Element) -> None:
        """Read rows of different lengths: first where each begins, one by one."""
        kinds = element.properties
        starts = {name: array("q") for name in kinds}
        counts = {name: array("q") for name in kinds}
        plan = [
            (
                self._type(kind.type).itemsize,
                struct.Struct(self._layout(kind.count)) if kind.count else None,
                starts[name].append,
                counts[name].append,
            )
            for name, kind in kinds.items()
        ]
        at = self._at
        try:
            for _ in range(element.count):
                for width, length, start, count in plan:
                    number = 1
                    if length is not None:
                        number = int(length.unpack_from(self._data, at)[0])
                        at += length.size
                    start(at)
                    count(number)
                    at += number * width
                    if number < 0:
                        raise InputError("is damaged: a list has less than no entries")
        except (struct.error, OverflowError, ValueError) as error:
            raise InputError("is cut off or damaged; export it again") from error
        self._check(at)
        self._at = at
        data = np.frombuffer(self._data, np.uint8)
        for name, kind in kinds.items():
            lengths, width = np.array(counts[name], np.int64), self._type(kind.type).itemsize
            sizes = lengths * width
            within = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes)
            taken = data[np.repeat(np.array(starts[name], np.int64), sizes) + within]
            values = taken.view(self._type(kind.type))
            element.columns[name] = List(lengths, values) if kind.count else values

    def _count(self, kind: Property, at: int) -> int:
        """The length of a list that begins at a byte."""
        whole = self._type(kind.count)
        self._check(at + whole.itemsize)
        found = np.frombuffer(self._data, whole, 1, at)[0]
        if not 0 <= found <= len(self._data):
            raise InputError("is damaged: a list is longer than the file; export it again")
        return int(found)

    def _check(self, end: int) -> None:
        if end > len(self._data):
            raise InputError("is cut off or damaged; export it again")

    def _layout(self, declared: str) -> str:
        """A type as `struct` calls it."""
        return (self._order + _LAYOUTS[declared]) if self._order else "=d"

    def _type(self, declared: str) -> np.dtype[Any]:
        return np.dtype(self._order + declared if self._order else "f8")
