"""An encoder for tests that fits the neutral head's eyes and lips, without rotation."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import numpy as np
import torch

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos import Encoded, Face
from clipface_cli.photos.encoder import image_points
from clipface_cli.photos.photo_processor import PhotoBatch, PhotoProcessor

EYES, LIPS = (33, 133, 362, 263), (61, 291, 0, 17)


class StubEncoder:
    name = "stub"

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        places = [self._middle("eyes"), self._middle("lips")]
        self._own = torch.stack(places)

    def _middle(self, region: str) -> torch.Tensor:
        weights = self.head.masks[region]
        return (weights @ self.head.template / weights.sum())[:2]

    def encode(self, images: np.ndarray, faces: Sequence[Face]) -> Encoded:
        points = image_points(faces, images.shape[1])[..., :2]
        found = torch.stack([points[:, EYES].mean(1), points[:, LIPS].mean(1)], 1)
        eyes, lips = self._own
        scale = (found[:, 0] - found[:, 1]).norm(dim=1) / (eyes - lips).norm()
        camera = torch.cat([scale[:, None], found[:, 0] / scale[:, None] - eyes], 1)
        return Encoded(HeadParams.neutral(len(faces)), camera, torch.full((len(faces),), 0.01))


class Crashing:
    """A processor whose process ends when it meets bad.jpg."""

    def process(self, root: Path, sources: Sequence[str]) -> PhotoBatch:
        if "bad.jpg" in sources:
            os._exit(9)
        return PhotoBatch(lines=[{"source": source, "status": "rejected"} for source in sources])


def load_crashing() -> PhotoProcessor:
    return cast(PhotoProcessor, Crashing())


def load_broken() -> PhotoProcessor:
    raise InputError("These weights are broken.")
