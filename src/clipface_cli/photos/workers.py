"""Processes that make pieces of the dataset, side by side and on several machines.

A worker that dies on a photo (a decoder that crashes, memory that runs out) takes nothing with it:
its piece is tried again alone, then photo by photo, and the culprit is listed as failed.
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
from clipface_cli.photos.pieces import Pieces, Plan
from clipface_cli.photos.studio import Studio

CRASHED = "reading it ended the worker process"
_AHEAD = 2  # pieces waiting for each worker
_STALL = 900.0  # seconds without a piece from another rank

Load = Callable[[], Studio]


@dataclass(frozen=True)
class Task:
    """A piece to make. load: builds the studio in the worker, picklable."""

    load: Load
    folder: Path
    root: Path
    rank: int


def make_pieces(task: Task, plan: Plan, todo: Iterable[int], workers: int) -> Iterator[int]:
    """Make the pieces `todo`; yields each one's index when it is done, in any order."""
    left = set(todo)
    while left:
        try:
            for index in _in_pool(task, plan, sorted(left), workers):
                left.discard(index)
                yield index
        except BrokenProcessPool:
            pieces = Pieces(task.folder)
            for index in sorted(left)[: _in_hand(workers)]:
                if not pieces.done(index):
                    _make_carefully(task, plan, index)
                left.discard(index)
                yield index


def _in_hand(workers: int) -> int:
    """Most pieces given out at a time: one in work and a few waiting for each worker."""
    return workers * (1 + _AHEAD)


def _in_pool(task: Task, plan: Plan, todo: Iterable[int], workers: int) -> Iterator[int]:
    """Indices of pieces as they are finished, a few handed out ahead."""
    waiting: dict[Future[None], int] = {}
    queue = iter(todo)
    with _pool(task, workers) as pool:
        try:
            for index in queue:
                waiting[pool.submit(_make, index, plan.part(index), ())] = index
                if len(waiting) >= _in_hand(workers):
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


def _make_carefully(task: Task, plan: Plan, index: int) -> None:
    """Make one piece in a process of its own, leaving out photos that end it."""
    sources = plan.part(index)
    if _survives(task, index, sources, ()):
        return
    culprits = _culprits(task, sources)
    if not culprits or not _survives(task, index, sources, culprits):
        raise ClipfaceError(
            f"Workers die on photos {sources[0]} to {sources[-1]}; use fewer --workers if memory "
            "is short, or move these photos away, and run again."
        )


def _survives(task: Task, index: int, sources: Sequence[str], skip: Collection[str]) -> bool:
    try:
        with _pool(task, 1) as pool:
            pool.submit(_make, index, sources, skip).result()
    except BrokenProcessPool:
        return False
    return True


def _culprits(task: Task, sources: Sequence[str]) -> list[str]:
    """The photos that end a process which tries one after the other."""
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
    """Processes that are forked, if at all, from one without threads, whose state they'd lack."""
    server = "forkserver" in multiprocessing.get_all_start_methods()
    context = multiprocessing.get_context("forkserver" if server else "spawn")
    if server:
        multiprocessing.set_forkserver_preload([__name__])
    return ProcessPoolExecutor(workers, context, _begin, (task,))


_desk: tuple[Task, Studio | ClipfaceError]


def _begin(task: Task) -> None:
    """Prepare a worker: one thread, gone with its parent, an interrupt left to the parent."""
    global _desk  # noqa: PLW0603 - a worker process has one task
    import numba
    import torch

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_leave_with_parent, daemon=True).start()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    try:
        _desk = task, task.load()
    except ClipfaceError as error:  # raised again by the first job, which can tell the parent
        _desk = task, error


def _leave_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _make(index: int | None, sources: Sequence[str], skip: Collection[str]) -> None:
    """Make a piece and keep it, or, without an index, only try its photos."""
    task, studio = _desk
    if isinstance(studio, ClipfaceError):
        raise studio
    piece = studio.process(task.root, [source for source in sources if source not in skip])
    if index is None:
        return
    made = iter(piece.lines)
    failed = {"status": "failed", "error": CRASHED}
    piece.lines = [{"source": s} | failed if s in skip else next(made) for s in sources]
    Pieces(task.folder).write(index, piece, task.rank)


def wait_for_others(pieces: Pieces, plan: Plan) -> Iterator[int]:
    """Wait until other ranks have made their pieces; yields each one's index."""
    missing = {i for i in plan.parts if not pieces.done(i)}
    last = time.monotonic()
    while missing:
        come = {i for i in missing if pieces.done(i)}
        if come:
            last = time.monotonic()
            missing -= come
            yield from sorted(come)
        elif time.monotonic() - last > _STALL:
            raise ClipfaceError(
                f"The other ranks have not finished a piece for {_STALL / 60:.0f} minutes; see "
                "why, then run again: what is done is kept."
            )
        else:
            time.sleep(0.2)
