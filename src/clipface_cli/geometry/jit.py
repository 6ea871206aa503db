"""numba with types: kernels that threads share, the functions they call, and arrays for them."""

import hashlib
import json
import os
import re
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba  # type: ignore[import-untyped,unused-ignore]
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[Any]

F = TypeVar("F", bound=Callable[..., object])

_PIECES = 4  # of the tasks of a kernel for each thread, so that none waits long for the last

_FOLDERS = (
    "geometry",
    "render",
    "render/backends/cpu",
    "portrait",
)  # of the package, that hold kernels


def drop_stale_kernels(package: Path, folders: Sequence[str]) -> None:
    """Delete the compiled kernels of modules that import a module which has changed since.

    numba itself renews a kernel when its own file changes, not when a function of another file that
    it calls does. folders: those below the package's in which kernels stand.
    """
    sources = {
        ".".join(path.relative_to(package).with_suffix("").parts): path.read_text("utf-8")
        for folder in folders
        for path in (package / folder).glob("*.py")
    }
    digests = {name: _digest(name, sources) for name in sources}
    record = package / folders[0] / "__pycache__" / "kernels.json"
    known = {}
    with suppress(OSError, ValueError):
        known = json.loads(record.read_text("utf-8"))
    if known == digests:
        return
    with suppress(OSError):
        for folder in folders:
            for path in (package / folder / "__pycache__").glob("*.nb[ic]"):
                name = f"{folder.replace('/', '.')}.{path.name.split('.')[0]}"
                if known.get(name) != digests.get(name):
                    path.unlink(missing_ok=True)
        record.parent.mkdir(exist_ok=True)
        record.write_text(json.dumps(digests), "utf-8")


def _digest(name: str, sources: dict[str, str]) -> str:
    """Of a module and all modules of these folders that it leads to."""
    found, waiting = set(), [name]
    while waiting:
        module = waiting.pop()
        if module in sources and module not in found:
            found.add(module)
            waiting += re.findall(r"^from \w+\.([\w.]+) import", sources[module], re.MULTILINE)
    text = "".join(sources[module] for module in sorted(found))
    return hashlib.sha256(text.encode()).hexdigest()


drop_stale_kernels(Path(__file__).parents[1], _FOLDERS)


def kernel(function: F) -> F:
    """Compile `function(tasks, ...)`, which does a range (first, last + 1) of some work's tasks.

    `parallel` runs it. It holds no lock, so that threads work at the same time, and compiled code
    is kept on disk.
    """
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def device(function: F) -> F:
    """Compile a function that kernels call."""
    return cast(F, numba.njit(cache=True, error_model="numpy", forceinline=True)(function))


def constants(*values: int) -> list[Any]:
    """Integers that kernels give to devices; for each Python literal those would compile anew."""
    return [np.int64(value) for value in values]


def parallel(function: Callable[..., object], tasks: int, *arguments: Any, least: int = 1) -> None:
    """Do all tasks of a `kernel`, on as many threads as PyTorch uses.

    A thread that is free takes the next few tasks, so that a busy core delays only what it has; the
    caller works as well, and waits for no thread that has not begun. Threads may call this at once.
    least: how many tasks are worth another thread, which costs about 0.1 ms.
    """
    threads = torch.get_num_threads()
    pieces = min(tasks // least, _PIECES * threads)
    if threads == 1 or pieces < 2:
        function((0, tasks), *arguments)
        return
    ranges = iter([(tasks * k // pieces, tasks * (k + 1) // pieces) for k in range(pieces)])

    def work() -> None:
        for some in ranges:  # of which each thread takes the next one
            function(some, *arguments)

    helpers = [_pool().submit(work) for _ in range(min(threads, pieces) - 1)]
    work()
    for helper in helpers:
        if not helper.cancel():
            helper.result()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max(1, (os.cpu_count() or 1) - 1), "kernels")


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_pool.cache_clear)  # threads stay with the parent


def array(tensor: Tensor) -> Array:
    """A CPU tensor as an array of the same shape, contiguous, so that kernels compile once."""
    contents: Array = tensor.detach().contiguous().numpy()
    return contents


def indices(tensor: Tensor) -> Array:
    """An integer tensor as a contiguous int32 array of the same shape."""
    return array(tensor.int())
