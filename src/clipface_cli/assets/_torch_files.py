"""Read what `torch.save` and `torch.jit.save` wrote, without torch: state dicts as numpy arrays.

Three containers: zip archives (torch 1.6 and later), TorchScript archives (OpenAI's CLIP), and the
older sequence of pickles followed by raw storages. Storages of zip archives are mapped, not read.
"""

from __future__ import annotations

import io
import math
import struct
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from clipface_cli.assets._limits import MAX_OPERATIONS
from clipface_cli.assets._makers import (
    Array,
    Maker,
    Node,
    Resolver,
    as_list,
    checked_shape,
)
from clipface_cli.assets._pickle import Source, unpickle
from clipface_cli.assets._zip_files import is_stored, stored
from clipface_cli.assets.file_format import TORCH_MAGIC
from clipface_cli.budget import Budget, Refused

PROTOCOL = 1001
_BFLOAT16 = "bfloat16"
_TYPES = {
    "float64": "f8", "float32": "f4", "float16": "f2", _BFLOAT16: "u2",
    "int64": "i8", "int32": "i4", "int16": "i2", "int8": "i1", "uint8": "u1", "bool": "?",
}  # fmt: skip
_STORAGES = {
    "DoubleStorage": "float64", "FloatStorage": "float32", "HalfStorage": "float16",
    "BFloat16Storage": _BFLOAT16, "LongStorage": "int64", "IntStorage": "int32",
    "ShortStorage": "int16", "CharStorage": "int8", "ByteStorage": "uint8",
    "BoolStorage": "bool", "UntypedStorage": "uint8",
}  # fmt: skip


@dataclass
class Storage(Node):
    """The flat memory of one or more tensors; `elements` is filled in when the file has it."""

    kind: str
    count: int
    elements: Array | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        return np.dtype(_TYPES[self.kind])


@dataclass
class View(Node):
    """A part of a storage that an old file declares as a storage of its own."""

    root: Storage
    offset: int
    count: int


@dataclass
class Archive(Node):
    """The bytes of a torch file inside an ordinary pickle: a storage that was pickled."""

    content: Any

    def opened(self) -> Any:
        content = self.content
        content = content.encode("latin-1") if isinstance(content, str) else content
        if not isinstance(content, (bytes, bytearray)):
            raise Refused("it holds a storage that is none")
        return read_sequence(io.BytesIO(content), len(content), nested=True)

    def value(self, resolver: Resolver) -> Any:
        raise Refused("it holds a storage outside of any tensor")


@dataclass
class Tensor(Node):
    """A strided window into a storage."""

    storage: Any
    offset: Any
    size: Any
    stride: Any

    def value(self, resolver: Resolver) -> Array:
        storage: Any = self.storage
        storage = storage.opened() if isinstance(storage, Archive) else storage
        offset: Any = self.offset
        if isinstance(storage, View):
            storage, offset = storage.root, storage.offset + offset
        if not isinstance(storage, Storage) or storage.elements is None:
            raise Refused("it holds a tensor without storage")
        count = checked_shape(self.size)
        if checked_shape(self.stride) < 0 or len(self.stride) != len(self.size):
            raise Refused("it holds a tensor whose strides are not its own")
        reach = sum((n - 1) * s for n, s in zip(self.size, self.stride, strict=True)) + 1
        if type(offset) is not int or offset < 0:
            raise Refused("it holds a tensor outside its storage")
        if count and offset + reach > len(storage.elements):
            raise Refused(f"it holds a tensor of size {tuple(self.size)} outside its storage")
        resolver.budget.spend(count * storage.dtype.itemsize)
        steps = [s * storage.elements.itemsize for s in self.stride]
        window = np.lib.stride_tricks.as_strided(
            storage.elements[offset:] if count else storage.elements[:0],
            tuple(self.size),
            steps,
            writeable=False,
        )
        return _widened(window) if storage.kind == _BFLOAT16 else window


def _widened(bits: Array) -> Array:
    """bfloat16 is the upper half of a float32."""
    return (bits.astype(np.uint32) << 16).view(np.float32)


def _tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Tensor:
    return Tensor(storage, offset, size, stride)


def _first(value: Any, *_: Any) -> Any:
    return value


_MAKERS: dict[tuple[str, str], Maker] = {
    ("torch._utils", "_rebuild_tensor"): Maker(_tensor),
    ("torch._utils", "_rebuild_tensor_v2"): Maker(_tensor),
    ("torch._utils", "_rebuild_parameter"): Maker(_first),
    ("torch", "Size"): Maker(lambda *sizes: tuple(as_list(*sizes))),
    ("torch", "device"): Maker(lambda *_: None),
    ("torch.serialization", "_get_layout"): Maker(lambda *_: None),
    **{("torch", name): Maker(lambda *_: None) for name in _TYPES},
    **{
        (module, name): Maker(lambda _kind=kind: _kind)
        for name, kind in _STORAGES.items()
        for module in ("torch", "torch.storage")
    },
}
# A tensor in an ordinary pickle is a torch file in itself, whose tensors cannot nest further.
TENSOR_MAKERS = {**_MAKERS, ("torch.storage", "_load_from_bytes"): Maker(Archive)}
_SCRIPT_MAKERS = {
    **_MAKERS,
    **{
        ("torch.jit._pickle", name): Maker(_first)
        for name in ("build_intlist", "build_tensorlist", "build_doublelist", "build_boollist")
    },
    ("torch.jit._pickle", "restore_type_tag"): Maker(_first),
}


def _declared(identity: Any) -> tuple[str, str, int, Any]:
    """Type, key, number of elements and view of `("storage", type, key, device, count, ...)`."""
    if not isinstance(identity, tuple) or len(identity) < 5 or identity[0] != "storage":
        raise Refused("its pickle refers to what is not a storage")
    _, maker, key, _, count, *rest = identity
    kind = maker.make() if isinstance(maker, Maker) else None
    if kind not in _TYPES or type(count) is not int or count < 0:
        raise Refused("it declares a storage of an unknown type or size")
    return kind, str(key), count, rest[0] if rest else None


# --- zip archives ---


def read_zip(source: Path | bytes) -> Any:
    """The saved object of a zip or TorchScript archive; arrays of a file are mapped, not read."""
    file: Path | io.BytesIO
    content: Array
    if isinstance(source, bytes):
        file, content = io.BytesIO(source), np.frombuffer(source, np.uint8)
    else:
        file, content = source, np.memmap(source, np.uint8, "r")
    try:
        with zipfile.ZipFile(file) as archive:
            return _ZipStorages(content, archive).read()
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, struct.error) as error:
        raise Refused(f"its zip archive is damaged ({error})") from error


@dataclass
class _ZipStorages:
    content: Array
    archive: zipfile.ZipFile
    found: dict[str, Storage] = field(default_factory=dict)

    def read(self) -> Any:
        names = self.archive.namelist()
        pickles = [name for name in names if name.split("/")[1:] == ["data.pkl"]]
        if len(pickles) != 1:
            raise Refused("it is a zip archive, but not one that torch wrote")
        self.folder = pickles[0].removesuffix("data.pkl")
        self.swapped = f"{self.folder}byteorder" in names and (
            self.bytes_of(f"{self.folder}byteorder") == b"big"
        )
        script = f"{self.folder}constants.pkl" in names
        content = io.BytesIO(self.bytes_of(pickles[0]))
        tree = unpickle(content, self.storage, script, _SCRIPT_MAKERS if script else _MAKERS)
        return Resolver(Budget.of_file(len(self.content)))(tree)

    def mapped(self, name: str) -> Array:
        """The bytes of a member, which torch never compresses."""
        try:
            member = self.archive.getinfo(name)
        except KeyError:
            raise Refused(f"it lacks its part {name!r}"[:120]) from None
        if not is_stored(member):
            raise Refused("its zip archive is compressed or encrypted, which torch never does")
        return stored(self.content, member)

    def bytes_of(self, name: str) -> bytes:
        content = self.mapped(name)
        if len(content) > 64 << 20:
            raise Refused("its zip archive holds a pickle too large for data")
        return content.tobytes()

    def storage(self, identity: Any) -> Storage:
        kind, key, count, _ = _declared(identity)
        if key not in self.found:
            made = Storage(kind, count)
            content = self.mapped(f"{self.folder}data/{key}")
            if len(content) < count * made.dtype.itemsize:
                raise Refused(f"its storage {key!r} is shorter than declared"[:120])
            elements = content[: count * made.dtype.itemsize].view(made.dtype)
            made.elements = elements.byteswap() if self.swapped else elements
            self.found[key] = made
        return self.found[key]


# --- the older format ---


def read_sequence(file: Source, size: int, nested: bool = False) -> Any:
    """The saved object of a file in torch's older format."""
    if unpickle(file) != TORCH_MAGIC or unpickle(file) != PROTOCOL:
        raise Refused("it is not a torch file of a known version")
    unpickle(file)  # byte order and sizes of the machine that wrote it
    storages: dict[str, Storage] = {}

    def storage(identity: Any) -> Node:
        kind, key, count, view = _declared(identity)
        root = storages.setdefault(key, Storage(kind, count))
        if view is None:
            return root
        if not isinstance(view, tuple) or len(view) != 3 or type(view[1]) is not int:
            raise Refused("it declares a view that is none")
        return View(root, view[1], count)

    tree = unpickle(file, storage, extra=_MAKERS)
    keys = unpickle(file)
    if not isinstance(keys, list) or len(keys) > MAX_OPERATIONS:
        raise Refused("it lacks the list of its storages")
    budget = Budget.of_file(size)
    for key in keys:
        if str(key) not in storages:
            raise Refused("it holds a storage that nothing uses")
        _fill(storages[str(key)], file, budget)
    return tree if nested else Resolver(Budget.of_file(size))(tree)


def _fill(storage: Storage, file: Source, budget: Budget) -> None:
    """Read a storage: its number of elements, then the elements, little-endian."""
    head = file.read(8)
    count = int.from_bytes(head, "little")
    if len(head) < 8 or count != storage.count:
        raise Refused("a storage has another size than declared")
    length = math.prod((count, storage.dtype.itemsize))
    budget.spend(length)
    content = file.read(length)
    if len(content) < length:
        raise Refused("it is cut off in the middle of its tensors")
    storage.elements = np.frombuffer(content, storage.dtype)
