"""Adaptive discriminator augmentation (ADA, Karras et al. 2020; appendix 7)."""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.texture import downsample, upsample_image
from clipface_cli.train.common.sample_streams import SampleStreams

_SCALE, _BRIGHTNESS, _CONTRAST, _SATURATION = 0.2, 0.2, 0.5, 1.0  # deviations, as published
_DRAWS = 7  # transforms: flip, scale, rotation, brightness, contrast, hue, saturation
_FLIP_PROBABILITY = 0.5  # of a chosen flip, so that both orientations are equally likely


class Augmentation(nn.Module):
    """Random flips, rotations, scales and colours, each applied with one probability.

    The probability grows while r_t, the mean sign of the logits of real images, is above `target`
    (the discriminator overfits), and falls while it is below.
    """

    probability: Tensor
    signs: Tensor

    def __init__(self, target: float = 0.6, images: float = 500_000) -> None:
        """target: of r_t; images: in which the probability can rise from 0 to 1."""
        super().__init__()
        self.target, self.images = target, images
        self.register_buffer("probability", torch.zeros((), dtype=torch.float64))
        self._known: tuple[int, int, float] | None = None  # id of the buffer, its version, value
        self.register_buffer("signs", torch.zeros(2, dtype=torch.float64))  # sum, count

    def forward(self, images: Tensor, streams: SampleStreams) -> Tensor:
        """Images (B, 3, R, R) in [-1, 1], each transformed by its own random numbers.

        B may be a multiple of the number of streams: then each image's patches are adjacent.
        """
        patches, on_cpu = len(images) // len(streams), streams.on_cpu()
        uniform = on_cpu.uniform(patches, _DRAWS).flatten(0, 1)
        normal = on_cpu.normal(patches, _DRAWS).flatten(0, 1)
        probability = self.current_probability()
        if probability <= 0:
            return images
        chosen = uniform < probability
        images = _move(images, geometry(chosen, uniform / probability, normal))
        return _recolour(images, colour(chosen, uniform / probability, normal))

    def current_probability(self) -> float:
        """The probability; it is copied from the device only after it has changed."""
        now = self.probability._version
        if self._known is None or self._known[:2] != (id(self.probability), now):
            self._known = id(self.probability), now, float(self.probability)
        return self._known[2]

    def observe(self, real_logits: Tensor) -> None:
        """Count the signs of the logits of real images, of any shape."""
        signs = real_logits.detach().sign().double().sum()
        self.signs += torch.stack([signs, signs.new_full((), real_logits.numel())])

    def adjust(self, images: int) -> float:
        """Change the probability by images / self.images toward r_t = target; returns r_t.

        `images`: seen since the last call. The counted signs are cleared.
        """
        r_t = float(self.signs[0] / self.signs[1].clamp_min(1))
        step = math.copysign(images / self.images, r_t - self.target)
        self.probability.add_(step).clamp_(0, 1)
        self.signs.zero_()
        return r_t


def geometry(chosen: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
    """(B, 2, 2) from the output's coordinates to the input's: flip, scale, rotation.

    Args:
        chosen: (B, 7) bool, which transforms happen; columns 0 to 2 decide here.
        uniform, normal: (B, 7), how strong they are.
    """
    flip = torch.where(chosen[:, 0] & (uniform[:, 0] < _FLIP_PROBABILITY), -1.0, 1.0)
    scale = torch.where(chosen[:, 1], torch.exp2(-_SCALE * normal[:, 1]), 1.0)
    angle = torch.where(chosen[:, 2], math.pi * (2 * uniform[:, 2] - 1), 0.0)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    return torch.stack([flip * cos, -flip * sin, sin, cos], 1).unflatten(1, (2, 2))


def colour(chosen: Tensor, uniform: Tensor, normal: Tensor) -> Tensor:
    """(B, 3, 4) affine maps of colours: brightness, contrast, hue about the grey axis, saturation.

    Arguments as for `geometry`; columns 3 to 6 decide.
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
    """Resample the images whose matrix, on the CPU, is not the identity, at twice the resolution.

    Matrices are (B, 2, 2). On the CPU the host can select images without waiting for a GPU.
    """
    identity = torch.eye(2, device=matrices.device)
    moved = (matrices - identity).abs().amax((1, 2)) > 0
    rows = moved.nonzero()[:, 0]
    if len(rows) == 0:
        return images
    theta = F.pad(matrices[rows], (0, 1)).to(images, non_blocking=True)
    rows = rows.to(images.device, non_blocking=True)
    fine = upsample_image(images[rows])
    grid = F.affine_grid(theta, list(fine.shape), align_corners=False)
    sampled: Tensor = _Sample.apply(fine, grid)  # type: ignore[no-untyped-call]
    return images.index_copy(0, rows, downsample(sampled))


def _recolour(images: Tensor, maps: Tensor) -> Tensor:
    maps = maps.to(images, non_blocking=True)
    pixels = torch.baddbmm(maps[:, :, 3:], maps[:, :, :3], images.flatten(2))
    return pixels.unflatten(2, images.shape[2:])


_BILINEAR, _REFLECTION = 0, 2  # of aten::grid_sampler_2d: interpolation and padding modes


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
