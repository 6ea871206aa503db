"""Device errors, found without a GPU: a second device over host memory, and a strict mode.

`standin_device()` gives a device whose tensors are CPU tensors behind a wrapper that behaves as
CUDA's do: an operation that mixes them with CPU tensors of one or more dimensions raises, so do
`.numpy()` and random numbers from a CPU generator. Numbers are those of the CPU.

`strict_device()` raises where the package makes a tensor without saying where.

`host_syncs()` lists where the host waited for the device.
"""

import sys
import traceback
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils.backend_registration import _setup_privateuseone_for_python_backend

import clipface_cli

NAME = "standin"
_PACKAGE = str(Path(clipface_cli.__file__).parent)
_COPIES = {"aten::copy_", "aten::_to_copy"}  # what may have tensors of both kinds
_INDEXED = {"aten::index", "aten::index_put", "aten::index_put_", "aten::_index_put_impl_"}
_WAITS = {  # whose results the host must know before it can go on
    "aten::_local_scalar_dense",
    "aten::equal",
    "aten::is_nonzero",
    "aten::masked_select",
    "aten::nonzero",
    "aten::unique_dim",
    "aten::_unique2",
}
_PRODUCTS = {torch.matmul, Tensor.matmul, Tensor.__matmul__}
_Generator = torch.Generator
_drawing: set[int] = set()  # addresses of the stand-in's generators
_waited: list[list[str]] = []


class _Backend:
    """Functions that PyTorch asks of a device's module."""

    @staticmethod
    def is_available() -> bool:
        return True

    @staticmethod
    def is_initialized() -> bool:
        return True

    @staticmethod
    def current_device() -> int:
        return 0

    @staticmethod
    def device_count() -> int:
        return 1

    @staticmethod
    def manual_seed_all(seed: int) -> None:
        """Random numbers without a generator are the CPU's."""

    @staticmethod
    def _is_in_bad_fork() -> bool:
        return False

    @staticmethod
    def get_amp_supported_dtype() -> list[torch.dtype]:
        return [torch.bfloat16, torch.float16]


class StandinTensor(Tensor):
    """`held`: the CPU tensor that it stands for."""

    @staticmethod
    def __new__(cls, held: Tensor) -> "StandinTensor":
        return Tensor._make_wrapper_subclass(
            cls,
            held.shape,
            strides=held.stride(),
            storage_offset=held.storage_offset(),
            dtype=held.dtype,
            device=torch.device(NAME, 0),
        )

    def __init__(self, held: Tensor) -> None:
        self.held = held

    def __repr__(self) -> str:
        return f"standin({self.held})"

    def tolist(self) -> Any:
        _note("aten::tolist")
        return self.held.tolist()

    @classmethod
    def __torch_function__(cls, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        with torch._C.DisableTorchFunctionSubclass():
            if func in _PRODUCTS and args[0].ndim == 1 and args[1].ndim == 2:
                return (args[0][None] @ args[1])[0]  # else a shape would change in place
            return func(*args, **(kwargs or {}))

    @classmethod
    def __torch_dispatch__(cls, op: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return _compute(op, args, kwargs or {})


class StandinGenerator(_Generator):
    """A generator that may be on the stand-in device; drawing with it takes the CPU's numbers."""

    def __new__(cls, device: torch.device | str | None = None) -> "StandinGenerator":
        where = torch.device("cpu" if device is None else device)
        made = super().__new__(cls, "cpu" if where.type == NAME else where)
        if where.type == NAME:
            _drawing.add(made._cdata)
            weakref.finalize(made, _drawing.discard, made._cdata)
        return made


def _compute(op: Any, args: Any, kwargs: Any) -> Any:
    """An operation of the stand-in device, on the CPU."""
    name = op._schema.name
    given = list(_leaves((*args, *kwargs.values())))
    _check(op, args, given)
    if _waited and _waits(name, args, kwargs):
        _note(name)
    held = {key: _mapped(_held, value) for key, value in kwargs.items()}
    out = op(*_mapped(_held, args), **held)
    wrappers = {id(x.held): x for x in given if isinstance(x, StandinTensor)}
    for wrapper in wrappers.values():
        if wrapper.shape != wrapper.held.shape or wrapper.stride() != wrapper.held.stride():
            raise NotImplementedError(f"{op} changes a tensor's shape, which the stand-in cannot")
    where = kwargs.get("device")
    if name == "aten::copy_" and not isinstance(args[0], StandinTensor):
        return args[0]
    if where is not None and where.type == "cpu":
        return out

    def wrapped(x: Any) -> Any:
        if not isinstance(x, Tensor):
            return x
        return wrappers[id(x)] if id(x) in wrappers else StandinTensor(x)

    return _mapped(wrapped, out)


def _leaves(values: Any) -> Iterator[Any]:
    for x in values:
        if isinstance(x, (tuple, list)):
            yield from _leaves(x)
        else:
            yield x


def _mapped(change: Callable[[Any], Any], x: Any) -> Any:
    """x, or what its tuples and lists hold, changed."""
    if isinstance(x, (tuple, list)):
        return type(x)([_mapped(change, part) for part in x])
    return change(x)


def _held(x: Any) -> Any:
    if isinstance(x, StandinTensor):
        return x.held
    return torch.device("cpu") if isinstance(x, torch.device) else x


def _check(op: Any, args: Any, given: list[Any]) -> None:
    """Raise where CUDA would."""
    name = op._schema.name
    mixed = any(isinstance(x, StandinTensor) for x in given)
    if name in _INDEXED and isinstance(args[0], StandinTensor):  # indices may be on the CPU
        given = list(_leaves((args[0], *args[2:])))
    for x in given:
        if isinstance(x, _Generator) and x._cdata not in _drawing:
            raise RuntimeError(f"{op}: expected a {NAME!r} generator but found one of the CPU")
        on_cpu = isinstance(x, Tensor) and not isinstance(x, StandinTensor)
        if on_cpu and mixed and x.ndim and name not in _COPIES:
            raise RuntimeError(
                f"{op}: expected all tensors to be on the same device, but found "
                f"{NAME}:0 and a CPU tensor of shape {tuple(x.shape)}"
            )


def _waits(name: str, args: Any, kwargs: Any) -> bool:
    if name in _WAITS:
        return True
    if name in _INDEXED:
        return any(isinstance(i, Tensor) and i.dtype == torch.bool for i in args[1])
    if name == "aten::_to_copy":
        where = kwargs.get("device")
        leaves = isinstance(args[0], StandinTensor)
        crosses = where is not None and leaves == (where.type == "cpu")
        return crosses and not (kwargs.get("non_blocking") and not leaves)
    if name == "aten::copy_":
        arrives, leaves = (isinstance(x, StandinTensor) for x in args[:2])
        return arrives != leaves and not (len(args) > 2 and args[2] and arrives)
    return False


def _note(name: str) -> None:
    if not _waited:
        return
    places = [f for f in traceback.extract_stack() if f.filename.startswith(_PACKAGE)]
    place = f"{Path(places[-1].filename).name}:{places[-1].name}" if places else "outside"
    _waited[-1].append(f"{place} {name.removeprefix('aten::').strip('_')}")


@contextmanager
def standin_device() -> Iterator[torch.device]:
    """The device; within the block `torch.Generator` can be made on it.

    Gradients are computed on the calling thread: autograd's own for a device may outlive Python.
    """
    _register()
    torch.Generator = StandinGenerator
    try:
        with torch.autograd.set_multithreading_enabled(False):
            yield torch.device(NAME, 0)
    finally:
        torch.Generator = _Generator


@contextmanager
def host_syncs() -> Iterator[list[str]]:
    """Fills with a "file.py:function operation" for each time the host waits for the stand-in.

    As with CUDA it waits for what it brings over, and for what it sends unless `non_blocking`.
    """
    _waited.append([])
    try:
        yield _waited[-1]
    finally:
        _waited.pop()


_FACTORIES = {
    getattr(torch, name)
    for name in (
        "arange", "empty", "empty_strided", "eye", "full", "linspace", "logspace", "normal",
        "ones", "rand", "randint", "randn", "randperm", "scalar_tensor", "tensor", "tril_indices",
        "triu_indices", "zeros",
    )
}  # fmt: skip
_CONVERTED = {torch.as_tensor, torch.asarray}  # keep the device of tensors


class strict_device(TorchFunctionMode):
    """Raises where the package makes a tensor and leaves its device to PyTorch.

    Networks are built on the CPU, then moved: a module's `__init__` is left alone. Other deliberate
    work on the CPU says `device="cpu"`. What NumPy's arrays become (`from_numpy`) is on
    the CPU by nature and passes; mixing it with tensors elsewhere is for the device to notice.
    """

    def __torch_function__(self, func: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        makes = func in _FACTORIES or (func in _CONVERTED and not isinstance(args[0], Tensor))
        if makes and kwargs.get("device") is None and "out" not in kwargs:
            place = _caller()
            if place is not None:
                raise AssertionError(f"torch.{func.__name__} without a device at {place}")
        return func(*args, **kwargs)


def _caller() -> str | None:
    """Where the package is, if it is the nearest caller outside PyTorch and builds no module."""
    frame = sys._getframe(2)
    while frame is not None:
        file = frame.f_code.co_filename
        if "/torch/" not in file and file != __file__:
            break
        frame = frame.f_back
    if frame is None or not file.startswith(_PACKAGE):
        return None
    builds = frame.f_code.co_name == "__init__"
    if builds and isinstance(frame.f_locals.get("self"), torch.nn.Module):
        return None
    return f"{Path(file).name}:{frame.f_lineno}"


# What PyTorch would make of other operations, in a way that the wrapper cannot follow.
_OWN = (
    "_to_copy.default", "copy_.default", "empty.memory_format", "arange.default", "arange.start",
    "arange.start_step", "eye.default", "eye.m", "linspace.default", "randperm.default",
    "randperm.generator",
)  # fmt: skip
_libraries: list[torch.library.Library] = []


@cache
def _register() -> None:
    _setup_privateuseone_for_python_backend(NAME, backend_module=_Backend())
    anything = torch.library.Library("_", "IMPL")
    anything.fallback(lambda op, *args, **kwargs: _compute(op, args, kwargs), "PrivateUse1")
    aten = torch.library.Library("aten", "IMPL")
    for name in _OWN:
        op: Any = torch.ops.aten
        for part in name.split("."):
            op = getattr(op, part)

        def kernel(*args: Any, op: Any = op, **kwargs: Any) -> Any:
            return _compute(op, args, kwargs)

        aten.impl(name.removesuffix(".default"), kernel, "PrivateUse1")
    _libraries.extend((anything, aten))
