"""Regularisers of the game: R1 for a discriminator, path lengths for the generator."""

from collections.abc import Callable

import torch
from torch import Tensor, nn


def gradient_penalty(judge: Callable[[Tensor], Tensor], real: Tensor) -> Tensor:
    """R1: half the squared gradient of the logits at real images, mean over the batch."""
    real = real.detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(judge(real).sum(), real, create_graph=True)
    return gradient.square().sum((1, 2, 3)).mean() / 2


class PathLength(nn.Module):
    """StyleGAN2's path lengths: a step in w should change any texture by the same amount.

    `mean` is their moving average, toward which they are drawn.
    """

    decay = 0.01
    mean: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    @staticmethod
    def lengths(textures: Tensor, w: Tensor, noise: Tensor) -> Tensor:
        """(B,) lengths of J_w^T y for random pictures y; noise (B, 3, R, R) standard normal."""
        weighted = (textures * noise).sum() / (noise.shape[2] * noise.shape[3]) ** 0.5
        (gradient,) = torch.autograd.grad(weighted, w, create_graph=True)
        return gradient.square().sum(2).mean(1).sqrt()

    def penalty(self, lengths: Tensor) -> Tensor:
        """Mean squared distance to the average."""
        return (lengths - self.mean).square().mean()

    def follow(self, length: Tensor) -> Tensor:
        """Move the average toward this step's mean length over all devices."""
        return self.mean.lerp_(length.to(self.mean), self.decay)
