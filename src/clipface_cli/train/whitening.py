"""Pictures as a discriminator on a small budget sees them: fine detail as strong as coarse shapes.

In a picture each finer octave is weaker than the one before. A discriminator therefore learns
colours and outlines first, which a generator that was warmed by reconstruction gets right, and
needs very many images until it notices missing pores and strokes. A fixed linear map that evens
the octaves out leaves its optimum alone and shortens the way there.
"""

import torch.nn.functional as F
from torch import Tensor

GAINS = (20.0, 8.0, 3.0)  # of the octaves around 1.5, 3 and 6 pixels; each then spans about 0.3
COARSE = 0.15  # of all that is coarser


def whiten(images: Tensor) -> Tensor:
    """Images (B, 3, R, R), R a multiple of 8, with their three finest octaves brought forward."""
    octaves = []
    for _ in GAINS:
        octave, images = split_octave(images)
        octaves.append(octave)
    seen = COARSE * images
    for octave, gain in zip(reversed(octaves), reversed(GAINS), strict=True):
        seen = _double(seen) + gain * octave
    return seen


def split_octave(images: Tensor) -> tuple[Tensor, Tensor]:
    """The finest octave of images (B, C, R, R), R even, and all coarser ones at half the size."""
    coarse = F.avg_pool2d(images, 2)
    return images - _double(coarse), coarse


def _double(images: Tensor) -> Tensor:
    return F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
