"""Per-sample random streams: numbers independent of how a batch is split over devices."""

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor

_FIELD_SEED_STRIDE = 1 << 20  # between the seeds of two on-device draws of one sample
_SHARED = -1  # index of the stream that all samples of a step share
_CPU_FLOAT: dict[str, Any] = {"dtype": torch.float32, "device": "cpu"}


class SampleStreams:
    """Random numbers of one step: one generator for every sample of the global batch.

    A sample's numbers depend on seed, step and its index in the global batch alone. Several devices
    therefore draw the numbers that one device would draw, and a resumed run repeats those of an
    uninterrupted one. Numbers are drawn on the CPU and copied to the device, so that training on a
    GPU uses the same ones; only large arrays are drawn on the device (`normal_on_device`).
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        """`seeds`: one a sample, below 2^62; `device`: where the numbers go."""
        self._seeds, self._device_draws, self._device = seeds, 0, torch.device(device)
        self._streams = [torch.Generator().manual_seed(value) for value in seeds]

    @classmethod
    def for_step(
        cls, seed: int, step: int, indices: Sequence[int], device: torch.device | str = "cpu"
    ) -> "SampleStreams":
        """Streams of one step; `indices`: of the samples in the global batch."""
        return cls([_stream_seed(seed, step, index) for index in indices], device)

    def __len__(self) -> int:
        return len(self._streams)

    def first_half(self) -> "SampleStreams":
        """New streams for the first half of the samples, at least one."""
        return SampleStreams(
            [seed + 1 for seed in self._seeds[: (len(self) + 1) // 2]], self._device
        )

    def on_cpu(self) -> "SampleStreams":
        """The same streams with numbers that stay on the CPU, for decisions of the host."""
        streams = copy(self)
        streams._device = torch.device("cpu")
        return streams

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape), uniform in [0, 1)."""
        draws = [torch.rand(shape, generator=s, **_CPU_FLOAT) for s in self._streams]
        return torch.stack(draws).to(self._device, non_blocking=True)

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape), standard normal."""
        draws = [torch.randn(shape, generator=s, **_CPU_FLOAT) for s in self._streams]
        return torch.stack(draws).to(self._device, non_blocking=True)

    def normal_on_device(self, *shape: int) -> Tensor:
        """(B, *shape), standard normal, drawn on the device: for large shapes."""
        self._device_draws += 1
        draws = []
        for seed in self._seeds:
            stream = torch.Generator(self._device).manual_seed(
                seed + _FIELD_SEED_STRIDE * self._device_draws
            )
            draws.append(
                torch.randn(shape, generator=stream, device=self._device, dtype=torch.float32)
            )
        return torch.stack(draws)


def shared_stream(seed: int, step: int) -> SampleStreams:
    """One stream for values that all samples of a step share."""
    return SampleStreams.for_step(seed, step, [_SHARED])


def shuffled_rows(seed: int, start: int, stop: int, size: int) -> Tensor:
    """Elements start to stop - 1, (N,), of endlessly many shuffles of 0..size-1."""
    rows = []
    for epoch in range(start // size, (stop - 1) // size + 1):
        order = np.random.default_rng((seed, epoch)).permutation(size)
        rows.append(order[max(start - epoch * size, 0) : stop - epoch * size])
    return torch.from_numpy(np.concatenate(rows))


def _stream_seed(seed: int, step: int, index: int) -> int:
    """Seed below 2^62 of a sample's stream, which leaves room for the strides of other draws."""
    state = np.random.SeedSequence((seed, step, index + 1)).generate_state(1, np.uint64)
    return int(state[0]) >> 2
