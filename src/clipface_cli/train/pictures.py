"""Image files decoded by threads ahead of the step that needs them, and kept in memory."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import from_pixels, load_pixels, to_pixels

_AHEAD = 3  # steps


class Pictures:
    """Square image files, read at one resolution; decoded ones are kept while `cache_gib` lasts."""

    def __init__(self, paths: Sequence[Path], resolution: int, cache_gib: float = 4.0) -> None:
        self.paths, self.resolution = paths, resolution
        self._cache: dict[int, Tensor] = {}
        self._room = int(cache_gib * 2**30 / (3 * resolution**2))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, row: int) -> Tensor:
        """(3, R, R) uint8; InputError when the file cannot be read. Threads may call it."""
        if row in self._cache:
            return self._cache[row]
        image = from_pixels(load_pixels(self.paths[row]))
        if image.shape[-2:] != (self.resolution, self.resolution):
            image = F.interpolate(image, (self.resolution, self.resolution), mode="area")
        picture = torch.from_numpy(to_pixels(image)).permute(2, 0, 1).contiguous()
        if len(self._cache) < self._room:
            self._cache[row] = picture
        return picture

    def batch(self, rows: Tensor) -> Tensor:
        """Images (B, 3, R, R) in [-1, 1]."""
        return as_images(torch.stack([self.read(row) for row in rows.tolist()]))


class Feed:
    """The pictures of step after step, read by threads while earlier steps compute."""

    def __init__(
        self, pictures: Pictures, rows_at: Callable[[int], Tensor], workers: int = 4
    ) -> None:
        """`rows_at(step)` says which pictures a step needs."""
        self._pictures, self._rows_at = pictures, rows_at
        self._pool = ThreadPoolExecutor(max(workers, 1), "pictures")
        self._coming: dict[int, list[Future[Tensor]]] = {}

    def take(self, step: int) -> Tensor:
        """Images (B, 3, R, R) of this step in [-1, 1]; those of the next are begun."""
        for ahead in range(step, step + _AHEAD):
            if ahead not in self._coming:
                rows = self._rows_at(ahead).tolist()
                self._coming[ahead] = [self._pool.submit(self._pictures.read, r) for r in rows]
        return as_images(torch.stack([future.result() for future in self._coming.pop(step)]))

    def close(self) -> None:
        """Stop reading."""
        self._pool.shutdown(cancel_futures=True)


def as_images(pixels: Tensor) -> Tensor:
    """uint8 to [-1, 1]."""
    return pixels.float() / 127.5 - 1
