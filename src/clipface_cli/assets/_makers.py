"""The objects that a pickle may contain besides plain values, and their conversion to arrays.

A `Maker` stands for a name in a pickle; making gives a plain value or a `Node`, and `resolve`
turns nodes into numpy arrays once the whole file is read. Shapes are held against the bytes that
are really there before anything is allocated.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from clipface_cli.assets._limits import MAX_DEPTH, MAX_OPERATIONS
from clipface_cli.budget import Budget, Refused

Array = NDArray[Any]
Arrays = dict[str, Array]


@dataclass(frozen=True)
class Maker:
    """Stands for a class or function that a pickle names; `make` is called in its place."""

    make: Callable[..., Any]


@dataclass(frozen=True)
class Sparse:
    """A compressed sparse matrix: axis 0 rows (csr) or axis 1 columns (csc) are contiguous."""

    shape: tuple[int, int]
    data: Array
    indices: Array
    starts: Array
    axis: int

    def dense(self, dtype: type = np.float64) -> Array:
        """The matrix with its zeros; Refused when it would be larger than 256 MB."""
        if math.prod(self.shape) > 1 << 25:
            raise Refused(f"its sparse matrix has the size {self.shape}")
        count, across = self.shape[self.axis], self.shape[1 - self.axis]
        steps = np.diff(self.starts)
        fits = len(self.starts) == count + 1 and (steps >= 0).all() and self.starts[0] == 0
        if not fits or self.starts[-1] != len(self.indices) or len(self.data) != len(self.indices):
            raise Refused("its sparse matrix is inconsistent")
        if len(self.indices) and not 0 <= self.indices.min() <= self.indices.max() < across:
            raise Refused("its sparse matrix points outside of itself")
        matrix: Array = np.zeros((count, across), dtype)
        matrix[np.repeat(np.arange(count), steps), self.indices] = self.data
        return matrix if self.axis == 0 else matrix.T


class Node:
    """A value that is complete only when the pickle is."""

    def set_state(self, state: Any) -> None:
        raise Refused("its pickle sets the state of what has none")

    def value(self, resolver: Resolver) -> Any:
        raise NotImplementedError


@dataclass
class Resolver:
    """Turns what `unpickle` returned into plain values and arrays."""

    budget: Budget
    boxed: bool = False  # object arrays of one element may stand for that element
    seen: int = 0
    done: dict[int, Any] = field(default_factory=dict)

    def __call__(self, value: Any, depth: int = 0) -> Any:
        self.seen += 1
        if depth > MAX_DEPTH or self.seen > MAX_OPERATIONS:
            raise Refused("its containers are nested without end")
        if isinstance(value, Node):
            if id(value) not in self.done:
                self.done[id(value)] = self(value.value(self), depth + 1)
            return self.done[id(value)]
        if isinstance(value, dict):
            return {key: self(item, depth + 1) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self(item, depth + 1) for item in value)
        if isinstance(value, Maker):
            return None
        return value


def is_plain_key(key: Any) -> bool:
    """Text or a number: hashing anything else could take forever."""
    return isinstance(key, (str, int, float, bytes))


# --- numpy ---

_KINDS = "biuf"


@dataclass
class DType(Node):
    """A numpy dtype: booleans, integers, floats; "O" only for the box around a saved dict."""

    text: str
    order: str = "<"

    def set_state(self, state: Any) -> None:
        order = state[1]
        self.order = ">" if order == ">" else "<"

    def resolved(self) -> np.dtype[Any]:
        kind, size = self.text.lstrip("<>=|")[:1], self.text.lstrip("<>=|")[1:]
        if kind not in _KINDS or size not in ("1", "2", "4", "8"):
            raise Refused(f"it holds an array of type {self.text[:20]!r}, not of numbers")
        order = self.text[0] if self.text[0] in "<>" else self.order
        return np.dtype(f"{order}{kind}{size}")

    def value(self, resolver: Resolver) -> Any:
        return self.text


def _make_dtype(text: Any, *_: Any) -> DType:
    if not isinstance(text, str) or not 1 <= len(text) <= 20:
        raise Refused("it holds an array of an unknown type")
    return DType({"b1": "b1", "bool": "b1"}.get(text, text))


@dataclass
class ArrayNode(Node):
    """A numpy array: shape, dtype, raw bytes."""

    state: tuple[Any, ...] = ()

    def set_state(self, state: Any) -> None:
        self.state = tuple(state)[-4:]  # older pickles lack the version in front

    def value(self, resolver: Resolver) -> Any:
        if len(self.state) != 4 or not isinstance(self.state[1], DType):
            raise Refused("it holds an array without content")
        shape, dtype, fortran, raw = self.state
        if dtype.text.startswith(("O", "|O")):
            return _unboxed(resolver, shape, raw)
        return _array(resolver, raw, dtype.resolved(), shape, "F" if fortran is True else "C")


def _unboxed(resolver: Resolver, shape: Any, raw: Any) -> Any:
    if resolver.boxed and shape == () and isinstance(raw, list) and len(raw) == 1:
        return raw[0]
    raise Refused("it holds an array of Python objects, not of numbers")


def _array(resolver: Resolver, raw: Any, dtype: np.dtype[Any], shape: Any, order: str) -> Array:
    size = checked_shape(shape)
    raw = raw.encode("latin-1") if isinstance(raw, str) else raw
    if not isinstance(raw, (bytes, bytearray)) or len(raw) != size * dtype.itemsize:
        raise Refused(f"it holds an array whose shape {shape!r} and bytes disagree"[:200])
    resolver.budget.spend(len(raw))
    flat = np.frombuffer(raw, "?" if dtype.kind == "b" else dtype)
    native = flat.astype(flat.dtype.newbyteorder("="), copy=False)
    return native.reshape(shape, order="F" if order == "F" else "C")


def checked_shape(shape: Any) -> int:
    """Number of elements; Refused for what is not a shape."""
    sizes = shape if isinstance(shape, (tuple, list)) else None
    if sizes is None or len(sizes) > 16 or not all(type(n) is int and n >= 0 for n in sizes):
        raise Refused("it holds an array whose shape is not one")
    return math.prod(sizes)


@dataclass
class Scalar(Node):
    """A numpy scalar: a number with a dtype."""

    dtype: Any
    raw: Any

    def value(self, resolver: Resolver) -> Any:
        if not isinstance(self.dtype, DType):
            raise Refused("it holds a number without a type")
        return _array(resolver, self.raw, self.dtype.resolved(), (1,), "C")[0].item()


@dataclass
class BufferArray(Node):
    """An array as pickle protocol 5 writes it."""

    raw: Any
    dtype: Any
    shape: Any
    order: Any

    def value(self, resolver: Resolver) -> Any:
        if not isinstance(self.dtype, DType):
            raise Refused("it holds an array without a type")
        return _array(resolver, self.raw, self.dtype.resolved(), self.shape, self.order)


# --- scipy and chumpy ---


@dataclass
class Attributes(Node):
    """An object of another library's class, as the attributes that were saved."""

    kind: str
    attributes: dict[Any, Any] = field(default_factory=dict)

    def set_state(self, state: Any) -> None:
        slots = state[1] if isinstance(state, tuple) and len(state) == 2 else None
        state = state[0] if slots is not None else state
        for part in (state, slots):
            if isinstance(part, dict):
                self.attributes.update(part)

    def value(self, resolver: Resolver) -> Any:
        return _CLASSES[self.kind](self.attributes, resolver)


def _compressed(axis: int) -> Callable[[dict[Any, Any], Resolver], Sparse]:
    def build(attributes: dict[Any, Any], resolver: Resolver) -> Sparse:
        shape: Any = attributes.get("_shape", attributes.get("shape"))
        parts = [resolver(attributes.get(name)) for name in ("data", "indices", "indptr")]
        checked_shape(shape)
        if len(shape) != 2 or not all(isinstance(p, np.ndarray) and p.ndim == 1 for p in parts):
            raise Refused("its sparse matrix is incomplete")
        return Sparse((shape[0], shape[1]), parts[0], parts[1], parts[2], axis)

    return build


def _chumpy_array(attributes: dict[Any, Any], resolver: Resolver) -> Any:
    return attributes.get("x")


def _chumpy_selection(attributes: dict[Any, Any], resolver: Resolver) -> Any:
    """`chumpy.reordering.Select`: elements of another object by flat index."""
    source, places = resolver(attributes.get("a")), resolver(attributes.get("idxs"))
    if not (isinstance(source, np.ndarray) and isinstance(places, np.ndarray)):
        raise Refused("it holds a chumpy selection of nothing")
    if places.size and not 0 <= places.min() <= places.max() < source.size:
        raise Refused("it holds a chumpy selection outside its array")
    resolver.budget.spend(places.size * source.itemsize)
    picked = source.ravel()[places.ravel()]
    shape = attributes.get("preferred_shape", places.shape)
    if checked_shape(shape) != picked.size:
        raise Refused("it holds a chumpy selection of another shape")
    return picked.reshape(shape)


def _plain_attributes(attributes: dict[Any, Any], resolver: Resolver) -> Any:
    return attributes


_CLASSES: Mapping[str, Callable[[dict[Any, Any], Resolver], Any]] = {
    "csr": _compressed(0),
    "csc": _compressed(1),
    "chumpy": _chumpy_array,
    "chumpy selection": _chumpy_selection,
    "module": _plain_attributes,
}


def script_maker() -> Maker:
    """A module of a TorchScript archive: its attributes, without its code."""
    return Maker(lambda *_: Attributes("module"))


def _class(kind: str) -> Maker:
    return Maker(lambda *_: Attributes(kind))


# --- plain Python ---


def _reconstruct(maker: Any, *_: Any) -> Any:
    """`copyreg._reconstructor(cls, object, None)`."""
    if not isinstance(maker, Maker):
        raise Refused("its pickle makes an object of what is not a type")
    return maker.make()


def as_list(values: Any = (), *_: Any) -> list[Any]:
    """A set or list made from a list or tuple."""
    if not isinstance(values, (list, tuple)):
        raise Refused("its pickle makes a set of what is not a list")
    return list(values)


def _mapping(values: Any = (), *_: Any) -> dict[Any, Any]:
    pairs = list(values.items()) if isinstance(values, dict) else as_list(values)
    mapping = {}
    for pair in pairs:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not is_plain_key(pair[0]):
            raise Refused("its pickle makes a mapping of what are not pairs")
        mapping[pair[0]] = pair[1]
    return mapping


def _encoded(text: Any = "", encoding: Any = "latin1", *_: Any) -> bytes:
    """Bytes as Python 3 writes them for Python 2."""
    if not isinstance(text, str) or encoding not in ("latin1", "latin-1"):
        raise Refused("its pickle encodes text in an unusual way")
    return text.encode("latin-1")


def _no_bytes(*arguments: Any) -> bytes:
    if arguments:
        raise Refused("its pickle makes bytes of something else")
    return b""


def _both(modules: tuple[str, ...], name: str, maker: Maker) -> dict[tuple[str, str], Maker]:
    return {(module, name): maker for module in modules}


_MULTIARRAY = ("numpy.core.multiarray", "numpy._core.multiarray")
_NUMERIC = ("numpy.core.numeric", "numpy._core.numeric")
_BUILTINS = ("__builtin__", "builtins")
_COPYREG = ("copy_reg", "copyreg")
_NOTHING = Maker(lambda *_: None)

MAKERS: Mapping[tuple[str, str], Maker] = {
    ("numpy", "ndarray"): _NOTHING,
    ("numpy", "dtype"): Maker(_make_dtype),
    **_both(_MULTIARRAY, "_reconstruct", Maker(lambda *_: ArrayNode())),
    **_both(_MULTIARRAY, "scalar", Maker(Scalar)),
    **_both(_NUMERIC, "_frombuffer", Maker(BufferArray)),
    **_both(("scipy.sparse.csc", "scipy.sparse._csc"), "csc_matrix", _class("csc")),
    **_both(("scipy.sparse.csr", "scipy.sparse._csr"), "csr_matrix", _class("csr")),
    ("scipy.sparse._csc", "csc_array"): _class("csc"),
    ("scipy.sparse._csr", "csr_array"): _class("csr"),
    ("chumpy.ch", "Ch"): _class("chumpy"),
    ("chumpy.reordering", "Select"): _class("chumpy selection"),
    **_both(_COPYREG, "_reconstructor", Maker(_reconstruct)),
    **_both(_BUILTINS, "object", _NOTHING),
    **_both(_BUILTINS, "set", Maker(as_list)),
    **_both(_BUILTINS, "frozenset", Maker(as_list)),
    **_both(_BUILTINS, "list", Maker(as_list)),
    **_both(_BUILTINS, "bytes", Maker(_no_bytes)),
    ("collections", "OrderedDict"): Maker(_mapping),
    ("_codecs", "encode"): Maker(_encoded),
}
