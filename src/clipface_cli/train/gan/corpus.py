"""Painted people on disk: UV maps with the latents and attributes that they show."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import load_pixels
from clipface_cli.errors import InputError
from clipface_cli.texture import load_state
from clipface_cli.train.common.pixels import as_images

AttributeSampler = Callable[[int, int], tuple[Any, Any]]
"""(count, seed) -> latents (count, K), attributes (count, A)."""


@dataclass(frozen=True)
class Corpus:
    """textures (N, 3, R, R) uint8 · latents (N, K) standard normal · attributes (N, A)."""

    textures: Tensor
    latents: Tensor
    attributes: Tensor

    @classmethod
    def load(cls, folder: Path, resolution: int) -> "Corpus":
        """Read uv/*.png at `resolution` and people.safetensors; InputError without them."""
        table = folder / "people.safetensors"
        paths = sorted((folder / "uv").glob("*.png"))
        if not table.is_file() or not paths:
            raise InputError(f"{folder} is no corpus: it needs people.safetensors and uv/*.png.")
        people = load_state(table)
        if "latent" not in people or "attributes" not in people:
            raise InputError(f"{table} must hold `latent` and `attributes`.")
        rows = torch.tensor([int(p.stem) for p in paths], device="cpu")
        if rows.max() >= len(people["latent"]):
            raise InputError(f"{table} has fewer rows than the pictures beside it need.")
        with ThreadPoolExecutor() as pool:
            textures = torch.stack(list(pool.map(partial(_read, resolution=resolution), paths)))
        return cls(textures, people["latent"][rows], people["attributes"][rows])

    def __len__(self) -> int:
        return len(self.textures)

    def batch(self, rows: Tensor, device: torch.device | str = "cpu") -> Tensor:
        """Textures (B, 3, R, R) in [-1, 1] of rows (B,), on a device."""
        return as_images(self.textures[rows].to(device, non_blocking=True))


def _read(path: Path, resolution: int) -> Tensor:
    pixels = load_pixels(path)
    if pixels.shape[0] != resolution:
        size = (resolution, resolution)
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.BOX))
    return torch.from_numpy(pixels.copy()).permute(2, 0, 1)
