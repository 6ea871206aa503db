"""Features of many images in files of a few hundred, which interruptions and processes share."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.errors import ClipfaceError, InputError

SIZE = 256  # images of a file
KIND = "evaluation-features"
_STALL = 900.0  # seconds without a file from another process
_PAUSE = 0.2  # seconds between two looks


@dataclass(frozen=True)
class Shard:
    """compute: features (N, D) of `rows`, the numbers of its images."""

    path: Path
    rows: Sequence[int]
    compute: Callable[[Sequence[int]], Tensor]

    @property
    def done(self) -> bool:
        """Whether its file is there: it appears only when it is whole."""
        return self.path.is_file()

    def make(self) -> None:
        """Write the file."""
        write_tensors(self.path, {"features": self.compute(self.rows)}, {"format": KIND})

    def read(self) -> Tensor:
        """Features (N, D); InputError where the file is damaged."""
        try:
            return read_tensors(self.path, KIND)[0]["features"]
        except (InputError, KeyError) as error:
            raise InputError(f"{self.path} is damaged; remove it and run again.") from error


def shards_of(folder: Path, count: int, compute: Callable[[Sequence[int]], Tensor]) -> list[Shard]:
    """Files for images 0 to count - 1.

    compute: features (N, D) of N images, given their numbers.
    """
    return [
        Shard(folder / f"{first:06}.safetensors", range(first, min(first + SIZE, count)), compute)
        for first in range(0, count, SIZE)
    ]


def make_shards(
    shards: Sequence[Shard], rank: int, processes: int, report: Callable[[int], None]
) -> None:
    """Write those of this process that are missing; `report` gets the number of images done."""
    mine, images = shards[rank::processes], 0
    for shard in mine:
        if not shard.done:
            shard.make()
        images += len(shard.rows)
        report(images)


def wait_for(shards: Sequence[Shard]) -> None:
    """Until the other processes have written theirs; ClipfaceError where nothing comes any more."""
    last, missing = time.monotonic(), len(shards) + 1
    while left := sum(not shard.done for shard in shards):
        if left < missing:
            last, missing = time.monotonic(), left
        elif time.monotonic() - last > _STALL:
            raise ClipfaceError(
                f"The other processes have written nothing for {_STALL / 60:.0f} minutes; see why, "
                "then run again: what is done is kept."
            )
        time.sleep(_PAUSE)


def read_shards(shards: Sequence[Shard]) -> Tensor:
    """All features (N, D) in order."""
    return torch.cat([shard.read() for shard in shards])
