"""Find the code of a given texture, or of a picture of one: image -> w or w+ by optimisation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.adam import Adam
from clipface_cli.texture.generator import Generator
from clipface_cli.texture.layers import fast_autocast
from clipface_cli.texture.similarity import ssim

CANDIDATES = 64  # random people tried as the start
STRUCTURE = 1.0  # weight of (1 - SSIM) / 2
PRIOR = 2e-3  # weight of squared deviations from the start, in standard deviations of w
RATE = 0.2  # of Adam, in standard deviations of w; falls to zero over the second half
BETAS = (0.9, 0.99)  # of Adam
LEAST_SPREAD = 1e-4  # of w, so that a constant component still can move
SMALLEST = 16  # coarsest scale compared
LARGEST = 256  # finest scale compared
Show = Callable[[Tensor], Tensor]


def invert(
    generator: Generator,
    image: Tensor,
    steps: int = 80,
    seed: int = 0,
    space: Literal["w", "w+"] = "w+",
    show: Show | None = None,
    known: Tensor | None = None,
) -> Tensor:
    """w (1, L, w_dim) whose texture resembles `image` (1, 3, R, R) in [-1, 1].

    `show` turns a texture into what `image` is a picture of, such as a render on a fitted head;
    without it `image` is the texture itself. Textures are compared at 256² at most; finer levels
    keep the start's code. In space "w" all levels share one code. Starts from the nearest of 64
    random people and minimises pixel differences at all scales and of structure, with a prior that
    keeps the code among those the mapping network makes. known (1, 1, R, R) in 0..1: where the
    image says anything, everywhere if None. Generator and image are on one device; who the random
    people are follows from the seed alone.
    """
    size = min(generator.resolution, LARGEST)
    if show is None:
        image = F.adaptive_avg_pool2d(image, size)
        known = known if known is None else F.adaptive_avg_pool2d(known, size)
    random = torch.Generator().manual_seed(seed)
    z = torch.randn(CANDIDATES, generator.z_dim, generator=random, device="cpu")
    with torch.no_grad():
        codes = generator.mapping(z.to(generator.mapping.w_avg))
        spread = codes[:, 0].std(0).clamp_min(LEAST_SPREAD)
        start = codes[_nearest(generator, codes, image, show, known)][None]
    offset = torch.zeros_like(start if space == "w+" else start[:, :1], requires_grad=True)
    optimizer = Adam([{"params": [offset], "lr": RATE}], BETAS)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(1.0, 2 * (1 - step / steps))
        with fast_autocast(offset.device):
            w = start + offset * spread
            texture = generator.synthesis(w, resolution=size).to(image.dtype)
        shown = show(texture) if show else texture
        if known is not None:
            shown = torch.lerp(image, shown, known)
        loss = _difference(shown, image)
        optimizer.zero_grad()
        (loss + PRIOR * offset.square().mean()).backward()
        optimizer.step()
    return (start + offset * spread).detach()


def _nearest(
    generator: Generator, codes: Tensor, image: Tensor, show: Show | None, known: Tensor | None
) -> int:
    """Row of the code whose texture, or the picture of it, is nearest at a coarse scale."""
    size = None if show else min(4 * SMALLEST, generator.resolution)
    small = F.adaptive_avg_pool2d(image, 4 * SMALLEST if size is None else size)
    weight = small.new_ones(1) if known is None else F.adaptive_avg_pool2d(known, small.shape[-1])
    apart = []
    for code in codes if show is None else codes[: CANDIDATES // 4]:
        with fast_autocast(code.device):
            texture = generator.synthesis(code[None], resolution=size).to(image.dtype)
        shown = F.adaptive_avg_pool2d(show(texture) if show else texture, small.shape[-1])
        apart.append((weight * (shown - small).abs()).mean())
    misses: list[float] = torch.stack(apart).tolist()
    return min(range(len(misses)), key=misses.__getitem__)


def _difference(image: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference over the scales of a pyramid, and what SSIM misses at two."""
    total, scales, structure = image.new_zeros(()), 0, image.new_zeros(())
    while image.shape[-1] >= SMALLEST:
        total, scales = total + (image - target).abs().mean(), scales + 1
        if scales <= 2:
            structure = structure + (1 - ssim(image, target)) / 2
        image, target = F.avg_pool2d(image, 2), F.avg_pool2d(target, 2)
    return total / scales + STRUCTURE * structure
