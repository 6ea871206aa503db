"""Whitening of discriminator inputs: octaves of equal strength, for training on a small budget.

In natural images each finer octave is weaker than the coarser one. A discriminator therefore learns
colours and outlines first, which a warm-started generator has learnt already, and needs very many
images to detect missing pores and strokes. A fixed linear map that equalises the octaves
keeps the optimum of adversarial training and reaches it in fewer steps.
"""

import torch.nn.functional as F
from torch import Tensor

# Gains of the octaves around 1.5, 3 and 6 pixels, after which each spans about 0.3, and the factor
# of the coarser rest.
GAINS = (20.0, 8.0, 3.0)
COARSE = 0.15


def whiten(images: Tensor) -> Tensor:
    """Images (B, 3, R, R), R a multiple of 8, with their three finest octaves amplified."""
    octaves = []
    for _ in GAINS:
        octave, images = split_octave(images)
        octaves.append(octave)
    whitened = COARSE * images
    for octave, gain in zip(reversed(octaves), reversed(GAINS), strict=True):
        whitened = _double(whitened) + gain * octave
    return whitened


def split_octave(images: Tensor) -> tuple[Tensor, Tensor]:
    """The finest octave (B, C, R, R) of images, R even, and the coarser rest (B, C, R/2, R/2)."""
    coarse = F.avg_pool2d(images, 2)
    return images - _double(coarse), coarse


def _double(images: Tensor) -> Tensor:
    return F.interpolate(images, scale_factor=2, mode="bilinear", align_corners=False)
