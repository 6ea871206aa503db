"""The real images that FID and KID of `compare` measure against."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.artifacts import read_tensors
from clipface_cli.assets import builtin
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.metrics import Features, cached_features
from clipface_cli.train.gan.dataset import Dataset

FILE, KIND = "reference.safetensors", "reference-features"
BATCH = 16
RESOLUTION = 512  # pixels at which a dataset's images are read


def reference_features(
    features: Features, head: HeadModel, dataset: Path | None = None
) -> Tensor | None:
    """Features (N, D) of a dataset's masked photos, else of the painted people that ship.

    Those that ship are known to the embedded evaluator only: None for other features. Raises
    InputError for a folder that is no dataset.
    """
    if dataset is None:
        tensors, header = read_tensors(builtin(FILE), KIND)
        return tensors["features"].float() if header["features"] == features.name else None
    images = Dataset.load(dataset, RESOLUTION, head).images
    if len(images) < 2:
        raise InputError(f"{dataset} holds {len(images)} image; FID needs many.")
    rows = torch.arange(len(images)).split(BATCH)
    return cached_features(features, images.paths, RESOLUTION, map(images.batch, rows))
