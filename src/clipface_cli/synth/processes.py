"""Processes that share painting and rendering, one thread each."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numba
import torch


def process_pool(workers: int, begin: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """Fresh processes, not forks of one that has threads; each calls `begin` first."""
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin, (begin,))


def _begin(begin: Callable[[], object] | None) -> None:
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    if begin is not None:
        begin()
