"""Adaptive augmentation of what a discriminator sees (Karras et al. 2020)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.texture import downsample, upsample_image
from clipface_cli.train.chance import Chance

_SCALE, _BRIGHTNESS, _CONTRAST, _SATURATION = 0.2, 0.2, 0.5, 1.0  # deviations, as published
_DRAWS = 7


class Augmentation(nn.Module):
    """Random flips, rotations, scales and colours, each applied with one probability.

    The probability grows while the discriminator's answers on real images are surer than `target`
    says (mean sign r_t), which is how it overfits, and falls while they are not.
    """

    probability: Tensor
    signs: Tensor

    def __init__(self, target: float = 0.6, images: float = 500_000) -> None:
        """`images`: after how many the probability can have gone from 0 to 1."""
        super().__init__()
        self.target, self.images = target, images
        self.register_buffer("probability", torch.zeros((), dtype=torch.float64))
        self.register_buffer("signs", torch.zeros(2, dtype=torch.float64))  # their sum, how many

    def forward(self, images: Tensor, chance: Chance) -> Tensor:
        """images (B, 3, R, R) in [-1, 1], transformed each in its own way.

        B may be a multiple of the images `chance` knows: then the patches of one follow each other.
        """
        patches = len(images) // len(chance)
        uniform = chance.uniform(patches, _DRAWS).flatten(0, 1)
        normal = chance.normal(patches, _DRAWS).flatten(0, 1)
        probability = float(self.probability)
        if probability <= 0:
            return images
        chosen = uniform < probability
        images = _move(images, geometry(chosen, uniform / probability, normal))
        return _recolour(images, colour(chosen, uniform / probability, normal))

    def observe(self, real_logits: Tensor) -> None:
        """Count the signs of answers on real images."""
        signs = real_logits.detach().sign().double().sum()
        self.signs += torch.stack([signs, signs.new_tensor(real_logits.numel())])

    def adjust(self, images: int) -> float:
        """Move the probability by what `images` images allow; returns r_t and forgets the signs."""
        certainty = float(self.signs[0] / self.signs[1].clamp_min(1))
        step = math.copysign(images / self.images, certainty - self.target)
        self.probability.add_(step).clamp_(0, 1)
        self.signs.zero_()
        return certainty


def geometry(chosen: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
    """(B, 2, 2) from the output's coordinates to the input's: flip, scale, rotation.

    `chosen` says which transforms happen, `uniform` and `normal` how strong they are.
    """
    flip = torch.where(chosen[:, 0] & (uniform[:, 0] < 0.5), -1.0, 1.0)
    scale = torch.where(chosen[:, 1], torch.exp2(-_SCALE * normal[:, 1]), 1.0)
    angle = torch.where(chosen[:, 2], math.pi * (2 * uniform[:, 2] - 1), 0.0)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    return torch.stack([flip * cos, -flip * sin, sin, cos], 1).unflatten(1, (2, 2))


def colour(chosen: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
    """(B, 3, 4) affine maps of colours: brightness, contrast, hue about the grey axis, saturation.

    Columns 3 to 6 of the draws decide.
    """
    zero, one = normal.new_zeros(()), normal.new_ones(())
    brightness = torch.where(chosen[:, 3], _BRIGHTNESS * normal[:, 3], zero)
    contrast = torch.where(chosen[:, 4], torch.exp2(_CONTRAST * normal[:, 4]), one)
    hue = torch.where(chosen[:, 5], math.pi * (2 * uniform[:, 5] - 1), zero)
    saturation = torch.where(chosen[:, 6], torch.exp2(_SATURATION * normal[:, 6]), one)
    grey = normal.new_full((3, 3), 1 / 3)
    turn = normal.new_tensor([[0, -1, 1], [1, 0, -1], [-1, 1, 0]]) / 3**0.5
    plane = torch.eye(3, device=normal.device) - grey
    cos, sin = (v[:, None, None] for v in (hue.cos(), hue.sin()))
    rotation = cos * plane + sin * turn
    linear = contrast[:, None, None] * (grey + saturation[:, None, None] * rotation)
    return torch.cat([linear, (contrast * brightness)[:, None, None].expand(-1, 3, 1)], 2)


def _move(images: Tensor, matrices: Tensor) -> Tensor:
    """Resample the images whose matrix is not the identity, at twice the resolution."""
    identity = torch.eye(2, device=matrices.device)
    moved = (matrices - identity).abs().amax((1, 2)) > 0
    rows = moved.nonzero()[:, 0]
    if len(rows) == 0:
        return images
    fine = upsample_image(images[rows])
    theta = F.pad(matrices[rows], (0, 1)).to(fine.dtype)
    grid = F.affine_grid(theta, list(fine.shape), align_corners=False)
    sampled: Tensor = _Sample.apply(fine, grid)  # type: ignore[no-untyped-call]
    return images.index_copy(0, rows, downsample(sampled))


def _recolour(images: Tensor, maps: Tensor) -> Tensor:
    maps = maps.to(images.dtype)
    pixels = torch.baddbmm(maps[:, :, 3:], maps[:, :, :3], images.flatten(2))
    return pixels.unflatten(2, images.shape[2:])


_BILINEAR, _REFLECTION = 0, 2  # torch's numbers for them


class _Sample(torch.autograd.Function):
    """Bilinear sampling with reflected borders. It is linear in the images, so each derivative is
    the adjoint of the one before (torch's own has no second one, which R1 needs)."""

    @staticmethod
    def forward(ctx: Any, images: Tensor, grid: Tensor) -> Tensor:
        ctx.save_for_backward(grid)
        ctx.size = images.shape
        return F.grid_sample(images, grid, "bilinear", "reflection", align_corners=False)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (grid,) = ctx.saved_tensors
        return _SampleAdjoint.apply(grads[0], grid, ctx.size), None  # type: ignore[no-untyped-call]


class _SampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, grad: Tensor, grid: Tensor, size: torch.Size) -> Tensor:
        ctx.save_for_backward(grid)
        images, _ = torch.ops.aten.grid_sampler_2d_backward(
            grad, grad.new_empty(size), grid, _BILINEAR, _REFLECTION, False, (True, False)
        )
        return images

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        (grid,) = ctx.saved_tensors
        return _Sample.apply(grads[0], grid), None, None  # type: ignore[no-untyped-call]
