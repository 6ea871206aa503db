"""Batches of painted scenes, made here or ahead by worker processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from clipface_cli.head import HeadModel
from clipface_cli.synth import process_pool
from clipface_cli.train._guidance_scenes import Batch, PaintedScenes, load_families

Take = Callable[[int], Batch]
"""The batch of a step."""


class Feed:
    """Batches by step, each of `parts` that one process makes; a step's batch is always the same.

    With `workers` the parts of the next steps are made ahead by as many processes.
    """

    def __init__(
        self, families: Path, count: int, seed: int, per_part: int, parts: int, workers: int
    ) -> None:
        """`families`, `count` and `seed` as for `load_families`."""
        self._seed, self._parts, self._workers = seed, parts, workers
        start = partial(_start, families, count, seed + 1, per_part)
        self._coming: dict[int, list[Future[dict[str, Any]]]] = {}
        if workers:
            self._pool = process_pool(workers, partial(_start_worker, start))
        else:
            self._scenes = start()

    def take(self, step: int) -> Batch:
        """The batch of a step."""
        if not self._workers:
            parts = [self._scenes.batch(_chance((self._seed, step, p))) for p in self._places]
            return join(parts)
        ahead = 2 * self._workers // self._parts + 1
        for future in range(step, step + ahead):
            if future not in self._coming:
                keys = [(self._seed, future, part) for part in self._places]
                self._coming[future] = [self._pool.submit(_make, key) for key in keys]
        made = [future.result() for future in self._coming.pop(step)]
        return join([_opened(part) for part in made])

    @property
    def _places(self) -> range:
        return range(self._parts)

    def close(self) -> None:
        """Stop the workers."""
        if self._workers:
            self._pool.shutdown(cancel_futures=True)


def join(parts: list[Batch]) -> Batch:
    """Batches behind each other."""
    starts = np.cumsum([0, *(len(part.images) for part in parts)])
    return Batch(
        torch.cat([part.images for part in parts]),
        [text for part in parts for text in part.captions],
        torch.cat([part.pairs + start for part, start in zip(parts, starts[:-1], strict=True)]),
        [text for part in parts for text in part.requests],
        [name for part in parts for name in part.names],
    )


def _start(families: Path, count: int, seed: int, per_part: int) -> PaintedScenes:
    return PaintedScenes(HeadModel.load("builtin"), load_families(families, count, seed), per_part)


_here: list[PaintedScenes] = []


def _start_worker(start: Callable[[], PaintedScenes]) -> None:
    _here.append(start())


def _make(key: tuple[int, int, int]) -> dict[str, Any]:
    made = vars(_here[0].batch(_chance(key)))
    return {n: v.numpy() if isinstance(v, torch.Tensor) else v for n, v in made.items()}


def _opened(made: dict[str, Any]) -> Batch:
    arrays = {n: torch.from_numpy(v) for n, v in made.items() if isinstance(v, np.ndarray)}
    return Batch(**(made | arrays))


def _chance(key: tuple[int, int, int]) -> np.random.Generator:
    return np.random.default_rng(key)
