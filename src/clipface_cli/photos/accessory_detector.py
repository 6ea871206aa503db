"""Hats, glasses and hair of a face, found by face parsing."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from clipface_cli.photos.bisenet import CLASSES
from clipface_cli.photos.landmarks import Face
from clipface_cli.photos.registry import Parser
from clipface_cli.texture import fast_autocast

_SIZE = 512  # pixels of the images that the published weights were trained on
_MEAN, _DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_SHARES = {"headwear": ("hat", 0.01), "eyewear": ("glasses", 0.005)}  # of the image; sure beyond

Pixels = NDArray[np.uint8]


class AccessoryDetector(Protocol):
    """Detector of hats, glasses and hair on a face."""

    name: str

    def __call__(
        self, photo: Pixels, face: Face, image: Pixels
    ) -> tuple[dict[str, float], Tensor | None]:
        """Probabilities of `headwear` and `eyewear`, 0..1, and a mask of hair (R, R) or None.

        photo (H, W, 3) with the face in its pixels; image (R, R, 3): its aligned crop.
        """


class ParsedAccessories:
    """An `AccessoryDetector` by face parsing."""

    def __init__(self, parser: Parser) -> None:
        self.name = parser.name
        self._network = parser.network

    def __call__(
        self, photo: Pixels, face: Face, image: Pixels
    ) -> tuple[dict[str, float], Tensor | None]:
        """See `AccessoryDetector`; scores grow with an accessory's share of the image (R, R, 3)."""
        del photo, face
        classes = self._parse(image)
        scores = {
            name: min(1.0, float((classes == CLASSES.index(kind)).float().mean()) / enough)
            for name, (kind, enough) in _SHARES.items()
        }
        hair = (classes == CLASSES.index("hair")).float()[None, None]
        return scores, F.interpolate(hair, image.shape[:2], mode="nearest")[0, 0]

    @torch.inference_mode()
    def _parse(self, image: Pixels) -> Tensor:
        """Classes (512, 512); in bfloat16 where the processor has it, twice as fast."""
        picture = Image.fromarray(image).resize((_SIZE, _SIZE), Image.Resampling.BILINEAR)
        pixels = torch.from_numpy(np.array(picture)).permute(2, 0, 1)[None] / 255
        mean, deviation = (torch.tensor(v)[:, None, None] for v in (_MEAN, _DEVIATION))
        batch = ((pixels - mean) / deviation).contiguous(memory_format=torch.channels_last)
        with fast_autocast(batch.device):
            return self._network(batch)[0].argmax(0)
