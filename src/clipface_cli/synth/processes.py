"""Processes that share painting and rendering, one thread each."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

import torch

Job = TypeVar("Job")
Made = TypeVar("Made")


def spread(
    work: Callable[[Job], Made], jobs: Sequence[Job], workers: int, together: int = 8
) -> Iterator[Made]:
    """Results of `work` on each job, in order, computed by `workers` processes.

    together: jobs sent to a process at a time. With fewer than two workers this process does the
    work; otherwise `work` and the jobs must be picklable.
    """
    if workers < 2:
        yield from map(work, jobs)
        return
    with process_pool(workers) as pool:
        yield from pool.map(work, jobs, chunksize=together)


def process_pool(workers: int, begin: Callable[[], object] | None = None) -> ProcessPoolExecutor:
    """Fresh processes, not forks of one that has threads; each calls `begin` first."""
    return ProcessPoolExecutor(workers, get_context("spawn"), _begin, (begin,))


def _begin(begin: Callable[[], object] | None) -> None:
    torch.set_num_threads(1)
    if begin is not None:
        begin()
