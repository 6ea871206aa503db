"""Features of images by the image tower of a text-image model."""

from collections.abc import Iterable

import torch
from torch import Tensor

from clipface_cli.guidance import Guidance


@torch.no_grad()
def image_features(tower: Guidance, batches: Iterable[Tensor]) -> Tensor:
    """(N, D) of batches of images (B, 3, H, W) in [-1, 1]."""
    return torch.cat([tower.encode_image(images).float().cpu() for images in batches])
