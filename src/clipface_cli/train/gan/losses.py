"""Reconstruction loss over scales, and the adversarial losses of both sides."""

import torch
import torch.nn.functional as F
from torch import Tensor

# Weights of the reconstruction loss beside its L1 term. Bands count double, because fine detail is
# weak in a plain L1; the square restrains outliers.
_BAND_WEIGHT = 2.0
_SQUARED_WEIGHT = 1.0
_COARSEST_BAND = 32  # texels a side; coarser bands are covered by the L1 term
_LEAST_ERROR = 1e-10  # mean square below which PSNR stops rising (100 dB)


def reconstruction_loss(image: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted L1 and L2 of the difference, and L1 of its Laplacian bands down to 32x32.

    Args:
        image, target: (B, 3, R, R) in [-1, 1], R a power of two.
        weight: (1, 1, R, R) of mean 1.

    Returns:
        Loss, ().
    """
    error = image - target
    loss = (weight * (error.abs() + _SQUARED_WEIGHT * error.square())).mean()
    while error.shape[-1] > _COARSEST_BAND:
        coarse = F.avg_pool2d(error, 2)
        band = error - F.interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False)
        loss = loss + _BAND_WEIGHT * (weight * band.abs()).mean()
        error, weight = coarse, F.avg_pool2d(weight, 2)
    return loss


def weighted_psnr(image: Tensor, target: Tensor, weight: Tensor) -> float:
    """Peak signal to noise ratio in dB, texels weighted.

    image, target (B, 3, R, R) in [-1, 1]; weight (1, 1, R, R) of mean 1.
    """
    error = (weight * (image - target).square()).mean() / 4
    return float(-10 * torch.log10(error.clamp_min(_LEAST_ERROR)))


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator (appendix 7).

    fake_logits: of any shape; returns the mean of softplus(-logit), ().
    """
    return F.softplus(-fake_logits).mean()


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss of a discriminator (appendix 7).

    Logits of any shapes; returns mean softplus(-real) + mean softplus(fake), ().
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()
