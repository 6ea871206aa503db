"""Random numbers of a training step that do not depend on how its batch is shared out."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

_FIELDS = 1 << 20  # between the seeds of two fields


class Chance:
    """Random numbers of one step: a stream of its own for every image of the whole batch.

    What an image gets follows from seed, step and its place in the batch alone. So several devices
    draw together what one would alone, and a resumed run what the first would have drawn.
    """

    def __init__(self, seeds: Sequence[int], device: torch.device | str = "cpu") -> None:
        """`seeds`: one an image."""
        self._seeds, self._fields, self._device = seeds, 0, torch.device(device)
        self._streams = [torch.Generator().manual_seed(value) for value in seeds]

    @classmethod
    def at(
        cls, seed: int, step: int, places: Sequence[int], device: torch.device | str = "cpu"
    ) -> "Chance":
        """`places`: where in the whole batch these images stand."""
        return cls([_mixed(seed, step, place) for place in places], device)

    def __len__(self) -> int:
        return len(self._streams)

    def first_half(self) -> "Chance":
        """New streams for the first half of the images, at least one."""
        return Chance([seed + 1 for seed in self._seeds[: (len(self) + 1) // 2]], self._device)

    def uniform(self, *shape: int) -> Tensor:
        """(B, *shape) in 0..1."""
        draws = [torch.rand(shape, generator=s, dtype=torch.float32) for s in self._streams]
        return torch.stack(draws).to(self._device)

    def normal(self, *shape: int) -> Tensor:
        """(B, *shape), standard normal."""
        draws = [torch.randn(shape, generator=s, dtype=torch.float32) for s in self._streams]
        return torch.stack(draws).to(self._device)

    def field(self, *shape: int) -> Tensor:
        """`normal` for large shapes, drawn where they are needed."""
        self._fields += 1
        draws = []
        for seed in self._seeds:
            stream = torch.Generator(self._device).manual_seed(seed + _FIELDS * self._fields)
            draws.append(
                torch.randn(shape, generator=stream, device=self._device, dtype=torch.float32)
            )
        return torch.stack(draws)


def shared_chance(seed: int, step: int) -> Chance:
    """One stream for what all images of a step share."""
    return Chance.at(seed, step, [-1])


def shuffled(seed: int, start: int, stop: int, size: int) -> Tensor:
    """Rows start...stop of an endless series of shuffles of 0...size-1."""
    rows = []
    for epoch in range(start // size, (stop - 1) // size + 1):
        order = np.random.default_rng((seed, epoch)).permutation(size)
        rows.append(order[max(start - epoch * size, 0) : stop - epoch * size])
    return torch.from_numpy(np.concatenate(rows))


def _mixed(seed: int, step: int, place: int) -> int:
    """One seed below 2^62 from three numbers."""
    state = np.random.SeedSequence((seed, step, place + 1)).generate_state(1, np.uint64)
    return int(state[0]) >> 2
