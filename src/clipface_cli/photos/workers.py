"""Processes that make batches of the dataset, in parallel and on several machines.

A worker that dies on a photo (a decoder that crashes, memory that runs out) loses no other work:
its batch is tried again in a process of its own, then photo by photo, and the photo is listed as
failed.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from clipface_cli.errors import ClipfaceError
from clipface_cli.photos.photo_processor import PhotoProcessor
from clipface_cli.photos.unfinished import Plan, UnfinishedDataset

CRASHED = "reading it ended the worker process"
_AHEAD = 2  # batches waiting for each worker
_STALL = 900.0  # seconds without a batch from another rank

Load = Callable[[], PhotoProcessor]


@dataclass(frozen=True)
class Task:
    """Work of the worker processes. load: builds the processor in the worker, picklable."""

    load: Load
    folder: Path
    root: Path
    rank: int


def make_batches(task: Task, plan: Plan, todo: Iterable[int], workers: int) -> Iterator[int]:
    """Make the batches `todo`; yields each one's index when it is done, in any order."""
    left = set(todo)
    while left:
        try:
            for index in _in_pool(task, plan, sorted(left), workers):
                left.discard(index)
                yield index
        except BrokenProcessPool:
            unfinished = UnfinishedDataset(task.folder)
            for index in sorted(left)[: _submitted_at_once(workers)]:
                if not unfinished.done(index):
                    _make_isolated(task, plan, index)
                left.discard(index)
                yield index


def _submitted_at_once(workers: int) -> int:
    """Most batches submitted at a time: one in progress and a few waiting for each worker."""
    return workers * (1 + _AHEAD)


def _in_pool(task: Task, plan: Plan, todo: Iterable[int], workers: int) -> Iterator[int]:
    """Indices of batches as they are finished, a few submitted ahead."""
    waiting: dict[Future[None], int] = {}
    queue = iter(todo)
    with _pool(task, workers) as pool:
        try:
            for index in queue:
                waiting[pool.submit(_make, index, plan.batch(index), ())] = index
                if len(waiting) >= _submitted_at_once(workers):
                    yield from _finished(waiting)
            while waiting:
                yield from _finished(waiting)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _finished(waiting: dict[Future[None], int]) -> list[int]:
    done, _ = wait(waiting, return_when=FIRST_COMPLETED)
    for future in done:
        future.result()
    return [waiting.pop(future) for future in done]


def _make_isolated(task: Task, plan: Plan, index: int) -> None:
    """Make one batch in a process of its own, without the photos that crash it."""
    sources = plan.batch(index)
    if _succeeds(task, index, sources, ()):
        return
    crashing = _crashing_photos(task, sources)
    if not crashing or not _succeeds(task, index, sources, crashing):
        raise ClipfaceError(
            f"Workers die on photos {sources[0]} to {sources[-1]}; use fewer --workers if memory "
            "is short, or move these photos away, and run again."
        )


def _succeeds(task: Task, index: int, sources: Sequence[str], skip: Collection[str]) -> bool:
    try:
        with _pool(task, 1) as pool:
            pool.submit(_make, index, sources, skip).result()
    except BrokenProcessPool:
        return False
    return True


def _crashing_photos(task: Task, sources: Sequence[str]) -> list[str]:
    """The photos that crash a process which reads one after the other."""
    found: list[str] = []
    left = list(sources)
    while left:
        with _pool(task, 1) as pool, suppress(BrokenProcessPool):
            while left:
                source = left.pop(0)
                found.append(source)
                pool.submit(_make, None, [source], ()).result()
                found.remove(source)
    return found


def _pool(task: Task, workers: int) -> ProcessPoolExecutor:
    """Worker processes, forked from a server without threads or spawned: forks copy no threads."""
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        multiprocessing.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(workers, context, _prepare_worker, (task,))


_worker: tuple[Task, PhotoProcessor | ClipfaceError]


def _prepare_worker(task: Task) -> None:
    """Prepare a worker: one thread, ends with its parent, leaves interrupts to the parent."""
    global _worker  # noqa: PLW0603 - a worker process has one task
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    try:
        _worker = task, task.load()
    except ClipfaceError as error:  # raised again by the first job, which can tell the parent
        _worker = task, error


def _exit_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(index: int | None, sources: Sequence[str], skip: Collection[str]) -> None:
    """Make a batch and write it, or, without an index, only process its photos."""
    task, processor = _worker
    if isinstance(processor, ClipfaceError):
        raise processor
    batch = processor.process(task.root, [source for source in sources if source not in skip])
    if index is None:
        return
    made = iter(batch.lines)
    failed = {"status": "failed", "error": CRASHED}
    batch.lines = [{"source": s} | failed if s in skip else next(made) for s in sources]
    UnfinishedDataset(task.folder).write(index, batch, task.rank)


def wait_for_others(unfinished: UnfinishedDataset, plan: Plan) -> Iterator[int]:
    """Wait until the other processes have made their batches; yields each one's index."""
    missing = {i for i in plan.batches if not unfinished.done(i)}
    last = time.monotonic()
    while missing:
        come = {i for i in missing if unfinished.done(i)}
        if come:
            last = time.monotonic()
            missing -= come
            yield from sorted(come)
        elif time.monotonic() - last > _STALL:
            raise ClipfaceError(
                f"The other processes have not finished a batch for {_STALL / 60:.0f} minutes; see "
                "why, then run again: what is done is kept."
            )
        else:
            time.sleep(0.2)
