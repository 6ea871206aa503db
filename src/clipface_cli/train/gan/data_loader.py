"""Data loader: image files decoded by threads ahead of the step that needs them, and cached."""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import from_pixels, load_pixels, to_pixels
from clipface_cli.train.common.pixels import as_images

_PREFETCH = 3  # steps whose images are being read: this one and the next two hide disk latency


class ImageFiles:
    """Square image files, read at one resolution; up to `cache_gib` of decoded ones are kept."""

    def __init__(self, paths: Sequence[Path], resolution: int, cache_gib: float = 4.0) -> None:
        self.paths, self.resolution = paths, resolution
        self._cache: dict[int, Tensor] = {}
        self._capacity = int(cache_gib * 2**30 / (3 * resolution**2))

    def __len__(self) -> int:
        return len(self.paths)

    def read(self, row: int) -> Tensor:
        """(3, R, R) uint8; InputError when the file cannot be read. Threads may call it."""
        if row in self._cache:
            return self._cache[row]
        image = from_pixels(load_pixels(self.paths[row]))
        if image.shape[-2:] != (self.resolution, self.resolution):
            image = F.interpolate(image, (self.resolution, self.resolution), mode="area")
        decoded = torch.from_numpy(to_pixels(image)).permute(2, 0, 1).contiguous()
        if len(self._cache) < self._capacity:
            self._cache[row] = decoded
        return decoded

    def batch(self, rows: Tensor) -> Tensor:
        """Images (B, 3, R, R) in [-1, 1] of rows (B,), on the CPU."""
        return as_images(torch.stack([self.read(row) for row in rows.tolist()]))


class ImageLoader:
    """Loads each step's images; threads read those of the next steps meanwhile."""

    def __init__(
        self, images: ImageFiles, rows_at: Callable[[int], Tensor], workers: int = 4
    ) -> None:
        """rows_at: step to the rows (B,) that it needs; workers: number of threads."""
        self._images, self._rows_at = images, rows_at
        self._pool = ThreadPoolExecutor(max(workers, 1), "images")
        self._pending: dict[int, list[Future[Tensor]]] = {}

    def load(self, step: int) -> Tensor:
        """Images (B, 3, R, R) of this step in [-1, 1]; starts to read those of the next steps."""
        for ahead in range(step, step + _PREFETCH):
            if ahead not in self._pending:
                rows = self._rows_at(ahead).tolist()
                self._pending[ahead] = [self._pool.submit(self._images.read, r) for r in rows]
        return as_images(torch.stack([future.result() for future in self._pending.pop(step)]))

    def close(self) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)
