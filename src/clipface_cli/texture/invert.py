"""Find the code of a given texture: image -> w+ by optimisation."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.texture.generator import Generator
from clipface_cli.texture.layers import fast_autocast

CANDIDATES = 64  # random people tried as the start
PRIOR = 2e-3  # weight of squared deviations from the start, in standard deviations of w
SMALLEST = 16  # coarsest scale compared


def invert(generator: Generator, texture: Tensor, steps: int = 120, seed: int = 0) -> Tensor:
    """w (1, L, w_dim) whose synthesis resembles `texture` (1, 3, R, R) in [-1, 1].

    Starts from the nearest of 64 random people and minimises differences at all scales, with a
    prior that keeps the code among those the mapping network makes.
    """
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(CANDIDATES, generator.z_dim, generator=random)
    with torch.no_grad():
        codes = generator.mapping(z)
        spread = codes[:, 0].std(0).clamp_min(1e-4)
        start = codes[_nearest(generator, codes, texture)][None]
    offset = torch.zeros_like(start, requires_grad=True)
    optimizer = torch.optim.Adam([offset], lr=0.1, betas=(0.9, 0.99))
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = 0.1 * min(1.0, 2 * (1 - step / steps))
        with fast_autocast(offset.device):
            image = generator.synthesis(start + offset * spread)
        loss = _difference(image, texture) + PRIOR * offset.square().mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return (start + offset * spread).detach()


def _nearest(generator: Generator, codes: Tensor, texture: Tensor) -> int:
    """Row of the code whose texture is nearest at a coarse scale."""
    size = min(4 * SMALLEST, generator.resolution)
    small = F.adaptive_avg_pool2d(texture, size)
    apart = []
    for code in codes:
        with fast_autocast(code.device):
            image = generator.synthesis(code[None], resolution=size)
        apart.append(float((image - small).abs().mean()))
    return min(range(len(apart)), key=apart.__getitem__)


def _difference(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, averaged over the scales of a pyramid."""
    total, scales = image.new_zeros(()), 0
    while image.shape[-1] >= SMALLEST:
        total, scales = total + (image - target).abs().mean(), scales + 1
        image, target = F.avg_pool2d(image, 2), F.avg_pool2d(target, 2)
    return total / scales
