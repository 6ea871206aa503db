"""Masked photos (or renders) on disk with the head and camera of each (design: `preprocess`)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import from_pixels, load_pixels, to_pixels
from clipface_cli.artifacts.dataset import PARAMETERS, TABLE
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera
from clipface_cli.texture import load_state


@dataclass(frozen=True)
class Dataset:
    """images (N, 3, R, R) uint8, and row i's head params and camera (N, 3)."""

    images: Tensor
    params: HeadParams
    camera: Tensor

    @classmethod
    def load(cls, folder: Path, resolution: int, head: HeadModel) -> "Dataset":
        """Read images/ at `resolution` and params.safetensors; InputError when they disagree."""
        table = folder / TABLE
        paths = sorted((folder / "images").glob("*/*.png"))
        if not table.is_file() or not paths:
            raise InputError(f"{folder} is no dataset: it needs params.safetensors and images/.")
        rows = load_state(table)
        missing = [name for name in PARAMETERS if name not in rows]
        if missing or len(rows["shape"]) != len(paths):
            problem = f"lacks {missing[0]}" if missing else "has another number of rows than images"
            raise InputError(f"{table} {problem}; write the dataset again.")
        sizes = (rows["shape"].shape[1], rows["expression"].shape[1])
        if sizes != (head.shape_size, head.expression_size):
            raise InputError(f"{folder} was fitted with another head ({sizes} coefficients).")
        with ThreadPoolExecutor(2) as pool:
            images = torch.cat(list(pool.map(partial(_read, resolution=resolution), paths)))
        params = HeadParams(rows["shape"], rows["expression"], rows["pose"])
        return cls(images, params, rows["camera"])

    def __len__(self) -> int:
        return len(self.images)

    def real(self, rows: Tensor) -> Tensor:
        """Images (B, 3, R, R) in [-1, 1]."""
        return self.images[rows].float() / 127.5 - 1

    def heads(self, rows: Tensor, head: HeadModel) -> tuple[Tensor, Camera]:
        """Vertices (B, V, 3) and cameras, each tuple from one photo (never mixed)."""
        return head.pose_head(self.params[rows]), Camera(self.camera[rows])


def _read(path: Path, resolution: int) -> Tensor:
    image = from_pixels(load_pixels(path))
    if image.shape[-1] != resolution:
        image = F.interpolate(image, (resolution, resolution), mode="area")
    return torch.from_numpy(to_pixels(image).copy()).permute(2, 0, 1)[None]
