"""numba with types: parallel kernels, the functions they call, and arrays to give to them."""

import hashlib
import json
import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TypeAlias, TypeVar, cast

import numba  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[Any]

F = TypeVar("F", bound=Callable[..., object])

_FOLDERS = (
    "geometry",
    "render",
    "render/backends/cpu",
    "portrait",
)  # of the package, that hold kernels

prange = numba.prange
get_num_threads = numba.get_num_threads


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
    """Compile a function whose `prange` loops use every core; compiled code is kept on disk."""
    return cast(F, numba.njit(cache=True, parallel=True, error_model="numpy")(function))


def device(function: F) -> F:
    """Compile a function that kernels call."""
    return cast(F, numba.njit(cache=True, error_model="numpy", inline="never")(function))


def array(tensor: Tensor) -> Array:
    """A CPU tensor as an array of the same shape, contiguous, so that kernels compile once."""
    contents: Array = tensor.detach().contiguous().numpy()
    return contents


def indices(tensor: Tensor) -> Array:
    """An integer tensor as a contiguous int32 array of the same shape."""
    return array(tensor.int())
