"""numba with types: parallel kernels, the functions they call, and arrays to give to them."""

from collections.abc import Callable
from typing import Any, TypeAlias, TypeVar, cast

import numba  # type: ignore[import-untyped,unused-ignore]
from numpy.typing import NDArray
from torch import Tensor

Array: TypeAlias = NDArray[Any]

F = TypeVar("F", bound=Callable[..., object])

prange = numba.prange
get_num_threads = numba.get_num_threads


def kernel(function: F) -> F:
    """Compile a function whose `prange` loops use every core; compiled code is kept on disk."""
    return cast(F, numba.njit(cache=True, parallel=True, error_model="numpy")(function))


def device(function: F) -> F:
    """Compile a function that kernels call."""
    return cast(F, numba.njit(cache=True, error_model="numpy", inline="never")(function))


def array(tensor: Tensor) -> Array:
    """A CPU tensor's numbers, contiguous, so that kernels are compiled for one layout only."""
    contents: Array = tensor.detach().contiguous().numpy()
    return contents


def indices(tensor: Tensor) -> Array:
    """An integer tensor as contiguous int32."""
    return array(tensor.int())
