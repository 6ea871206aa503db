"""Drafts of batches, drawn here or ahead by worker processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from clipface_cli.guidance._words import WordTable
from clipface_cli.head import HeadModel
from clipface_cli.synth import process_pool
from clipface_cli.train._guidance_families import load_families
from clipface_cli.train._guidance_scenes import Casting, Draft

_AHEAD = 2  # drafts waiting for each worker


class Feed:
    """Drafts by step: a step's draft is always the same, whoever draws it."""

    def __init__(
        self,
        families: Path,
        count: int,
        seed: int,
        per_batch: int,
        workers: int = 0,
        takes: int = 1,
    ) -> None:
        """`families` and `count` as for `load_families`; `per_batch` families a batch.

        A draft serves `takes` steps, each with other heads, cameras and light.
        """
        self._seed, self._per_batch, self._workers = seed, per_batch, workers
        self._takes = takes
        self._drawn: tuple[int, Draft] | None = None
        start = partial(_start, families, count, seed + 1)
        self._coming: dict[int, Future[Draft]] = {}
        if workers:
            self._pool = process_pool(workers, partial(_start_worker, start))
        else:
            self._casting = start()

    def take(self, step: int) -> Draft:
        """The draft of a step."""
        number, again = divmod(step, self._takes)
        if self._drawn is None or self._drawn[0] != number:
            self._drawn = number, self._draw(number)
        draft = self._drawn[1]
        return replace(draft, seed=draft.seed + again)

    def _draw(self, number: int) -> Draft:
        if not self._workers:
            return self._casting.draft(np.random.default_rng((self._seed, number)), self._per_batch)
        for ahead in range(number, number + _AHEAD * self._workers):
            if ahead not in self._coming:
                job = self._pool.submit(_draft, (self._seed, ahead), self._per_batch)
                self._coming[ahead] = job
        return self._coming.pop(number).result()

    def close(self) -> None:
        """Stop the workers."""
        if self._workers:
            self._pool.shutdown(cancel_futures=True)


def _start(families: Path, count: int, seed: int) -> Casting:
    return Casting(
        HeadModel.load("builtin"), load_families(families, count, seed), WordTable.load()
    )


_here: list[Casting] = []


def _start_worker(start: Callable[[], Casting]) -> None:
    _here.append(start())


def _draft(key: tuple[int, int], per_batch: int) -> Draft:
    return _here[0].draft(np.random.default_rng(key), per_batch)
