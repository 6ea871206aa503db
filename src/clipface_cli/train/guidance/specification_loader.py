"""Loader of batch specifications, sampled here or ahead of need by worker processes."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from clipface_cli.guidance.words import WordTable
from clipface_cli.head import HeadModel
from clipface_cli.synth import process_pool
from clipface_cli.train.guidance.batch_sampler import BatchSampler, BatchSpecification
from clipface_cli.train.guidance.families import load_families

_PREFETCH = 2  # specifications queued for each worker, so that none waits for the trainer


class SpecificationLoader:
    """Specifications by step: they depend on seed and step, not on the process that samples."""

    def __init__(
        self,
        families: Path,
        count: int,
        seed: int,
        per_batch: int,
        workers: int = 0,
        repeats: int = 1,
    ) -> None:
        """`families` and `count` as for `load_families`; `per_batch` families a batch.

        A specification is used for `repeats` steps, each with other heads, cameras and light.
        """
        self._seed, self._per_batch, self._workers = seed, per_batch, workers
        self._repeats = repeats
        self._latest: tuple[int, BatchSpecification] | None = None
        start = partial(_start, families, count, seed + 1)
        self._pending: dict[int, Future[BatchSpecification]] = {}
        if workers:
            self._pool = process_pool(workers, partial(_start_worker, start))
        else:
            self._sampler = start()

    def load(self, step: int) -> BatchSpecification:
        """The specification of a step."""
        number, repeat = divmod(step, self._repeats)
        if self._latest is None or self._latest[0] != number:
            self._latest = number, self._sample(number)
        specification = self._latest[1]
        return replace(specification, seed=specification.seed + repeat)

    def _sample(self, number: int) -> BatchSpecification:
        if not self._workers:
            rng = np.random.default_rng((self._seed, number))
            return self._sampler.sample(rng, self._per_batch)
        for ahead in range(number, number + _PREFETCH * self._workers):
            if ahead not in self._pending:
                job = self._pool.submit(_sample, (self._seed, ahead), self._per_batch)
                self._pending[ahead] = job
        return self._pending.pop(number).result()

    def close(self) -> None:
        """Stop the workers."""
        if self._workers:
            self._pool.shutdown(cancel_futures=True)


def _start(families: Path, count: int, seed: int) -> BatchSampler:
    return BatchSampler(
        HeadModel.load("builtin"), load_families(families, count, seed), WordTable.load()
    )


_worker_sampler: list[BatchSampler] = []  # this worker's, set when it starts


def _start_worker(start: Callable[[], BatchSampler]) -> None:
    _worker_sampler.append(start())


def _sample(key: tuple[int, int], per_batch: int) -> BatchSpecification:
    return _worker_sampler[0].sample(np.random.default_rng(key), per_batch)
