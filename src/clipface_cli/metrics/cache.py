"""Features of a dataset's images, kept by the content of what they follow from."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from pathlib import Path

from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.assets import home
from clipface_cli.errors import ClipfaceError
from clipface_cli.metrics.features import Features

KIND = "features-cache"


def cached_features(
    features: Features, images: Sequence[Path], resolution: int, batches: Iterable[Tensor]
) -> Tensor:
    """Features (N, D) of image files, read at `resolution`; from an earlier run where they are the
    same.

    batches: the images (B, 3, R, R) in [-1, 1], in the files' order, computed only when needed.
    Files are told apart by their bytes.
    """
    path = home() / "cache" / f"{_key(features, images, resolution)}.safetensors"
    try:
        return read_tensors(path, KIND)[0]["features"]
    except (ClipfaceError, KeyError):
        found = features.of(batches)
    write_tensors(path, {"features": found}, {"format": KIND, "features": features.name})
    return found


def _key(features: Features, images: Sequence[Path], resolution: int) -> str:
    digest = hashlib.sha256(f"{features.name}\n{features.version}\n{resolution}\n".encode())
    for image in images:
        digest.update(hashlib.sha256(image.read_bytes()).digest())
    return digest.hexdigest()[:32]
