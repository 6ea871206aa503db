"""Renders to the inputs of a CLIP's image tower, differentiably, with PIL's resizing."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
_FILTERS = {2: "bilinear", 3: "bicubic"}  # PIL's numbers for what PyTorch can do antialiased


@dataclass(frozen=True)
class Pixels:
    """size: (height, width) that the tower reads; mean, std: of each channel in [0, 1].

    crop: resize the shorter side and cut out the middle, as OpenAI does; without it the picture is
    squeezed, as SigLIP does.
    """

    size: tuple[int, int]
    mean: tuple[float, ...] = CLIP_MEAN
    std: tuple[float, ...] = CLIP_STD
    crop: bool = True
    filter: str = "bicubic"

    @classmethod
    def described(cls, settings: dict[str, Any], side: int, mean: float | None) -> Pixels:
        """From a preprocessor_config.json; side, mean: the model's, where it has none."""
        size = settings.get("size") or side
        crop = bool(settings.get("do_center_crop", mean is None))
        wanted = (settings.get("crop_size") or size) if crop else size
        if isinstance(wanted, dict):
            side = wanted.get("shortest_edge", side)
            wanted = (wanted.get("height", side), wanted.get("width", side))
        else:
            wanted = (wanted, wanted)
        usual = (CLIP_MEAN, CLIP_STD) if mean is None else ((mean,) * 3, (mean,) * 3)
        return cls(
            wanted,
            tuple(settings.get("image_mean", usual[0])),
            tuple(settings.get("image_std", usual[1])),
            crop,
            _FILTERS.get(settings.get("resample", 3), "bicubic"),
        )

    def __call__(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [-1, 1] to normalised (B, 3, *size)."""
        shown = resize(images.clamp(-1, 1), self._resized(*images.shape[2:]), self.filter)
        if self.crop:
            shown = _middle(shown, self.size)
        mean, std = (_channels(v, shown.dtype, shown.device) for v in (self.mean, self.std))
        return ((shown + 1) / 2 - mean) / std

    def _resized(self, height: int, width: int) -> tuple[int, int]:
        if not self.crop:
            return self.size
        short, wanted = min(height, width), min(self.size)
        return int(wanted * height / short), int(wanted * width / short)


@cache
def _channels(values: tuple[float, ...], dtype: torch.dtype, device: torch.device) -> Tensor:
    """(C, 1, 1); kept, since the host waits for what it sends to a GPU."""
    with torch.inference_mode(False):
        return torch.tensor(values, dtype=dtype, device=device)[:, None, None]


def resize(images: Tensor, size: tuple[int, int], filter: str = "bicubic") -> Tensor:  # noqa: A002
    """Antialiased resize of (B, 3, H, W) in [-1, 1], a side after the other, as PIL does it.

    What comes out of each pass is 8 bits deep there; gradients pass through the rounding.
    """
    for shape in ((images.shape[2], size[1]), size):
        if images.shape[2:] != shape:
            images = F.interpolate(images, shape, mode=filter, antialias=True).clamp(-1, 1)
            eight_bit = ((images + 1) * 127.5 + 0.5).floor() / 127.5 - 1
            images = images + (eight_bit - images).detach()
    return images


def _middle(images: Tensor, size: tuple[int, int]) -> Tensor:
    top, left = (round((a - b) / 2) for a, b in zip(images.shape[2:], size, strict=True))
    return images[:, :, top : top + size[0], left : left + size[1]]
