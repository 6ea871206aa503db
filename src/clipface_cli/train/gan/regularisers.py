"""Regularisers: R1 of a discriminator, path length of the generator (appendix 7)."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def gradient_penalty(discriminator: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1: half the squared norm of the logits' gradient at real images, mean over the batch.

    Args:
        discriminator: images (B, C, H, W) to logits of any shape.
        real: (B, C, H, W) in [-1, 1].

    Returns:
        Penalty, (), differentiable with respect to the discriminator's weights.
    """
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(discriminator(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


class PathLength(nn.Module):
    """StyleGAN2's path-length regularisation: |J_w^T y| should be the same for all w and y.

    `mean` is the moving average of the lengths, the target of the penalty.
    """

    decay = 0.01  # rate of the moving average a regularised step, as published
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    @staticmethod
    def lengths(textures: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """Norms (B,) of J_w^T y for random images y.

        textures (B, 3, R, R), computed from codes w (B, L, w_dim); noise (B, 3, R, R) is standard
        normal and becomes y when divided by R.
        """
        weighted = (textures * noise).sum() / (noise.shape[2] * noise.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad(weighted, w, create_graph=True)
        return gradient.square().sum(2).mean(1).sqrt()

    def penalty(self, lengths: Tensor) -> Tensor:
        """Mean squared distance () of lengths (B,) to their moving average."""
        return (lengths - self.mean).square().mean()

    def update_mean(self, length: Tensor) -> Tensor:
        """Update the moving average with this step's mean length, a scalar, over all processes."""
        return self.mean.lerp_(length.to(self.mean), self.decay)
