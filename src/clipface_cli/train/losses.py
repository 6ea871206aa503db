"""Losses: weighted reconstruction over scales, the adversarial game."""

import torch
import torch.nn.functional as F
from torch import Tensor

_DETAIL = 2.0
_SQUARED = 1.0
_SMALLEST = 32


def reconstruction_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 and L2 of the difference, and L1 of its Laplacian bands down to 32x32.

    image, target (B, 3, R, R); weight (1, 1, R, R) of mean 1.
    """
    error = image - target
    loss = (weight * (error.abs() + _SQUARED * error.square())).mean()
    while error.shape[-1] > _SMALLEST:
        coarse = F.avg_pool2d(error, 2)
        band = error - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        loss = loss + _DETAIL * (weight * band.abs()).mean()
        error, weight = coarse, F.avg_pool2d(weight, 2)
    return loss


def weighted_psnr(image: Tensor, target: Tensor, weight: Tensor) -> float:
    """Peak signal to noise ratio in dB of images in [-1, 1], texels weighted."""
    error = (weight * (image - target).square()).mean() / 4
    return float(-10 * torch.log10(error.clamp_min(1e-10)))


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss."""
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss."""
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
