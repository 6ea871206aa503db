"""Equalised layers, activations and resampling shared by generator, discriminator and mappers."""

import math
from collections.abc import Callable
from functools import cache, wraps
from typing import ParamSpec, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
GAIN = math.sqrt(2.0)
CLAMP = 256.0

P = ParamSpec("P")
R = TypeVar("R")


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` outside autocast: resampling and styles keep the dtype they are given."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        tensor = next(a for a in args if isinstance(a, Tensor))
        with torch.autocast(tensor.device.type, enabled=False):
            return function(*args, **kwargs)

    return wrapped


@full_precision
def equalized_linear(
    x: Tensor, weight: Tensor, bias: Tensor, lr_multiplier: float = 1.0, activate: bool = False
) -> Tensor:
    """x (B, I) or (L, B, I) times weight (O, I) or (L, O, I), both scaled by `lr_multiplier`."""
    gain = lr_multiplier / math.sqrt(weight.shape[-1])
    y = x.to(weight.dtype) @ (weight * gain).mT + lr_multiplier * bias.unsqueeze(-2)
    return F.leaky_relu(y, SLOPE) * GAIN if activate else y


class EqualizedLinear(nn.Module):
    """Linear layer whose weights are stored at unit variance over `lr_multiplier`."""

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias_init: float = 0.0,
        lr_multiplier: float = 1.0,
        activate: bool = False,
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_features, in_features) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((out_features,), bias_init))
        self.lr_multiplier = lr_multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        return equalized_linear(x, self.weight, self.bias, self.lr_multiplier, self.activate)


def normalize_second_moment(x: Tensor) -> Tensor:
    """Scale the last axis to unit mean square."""
    return x * (x.square().mean(-1, keepdim=True) + 1e-8).rsqrt()


def activate(x: Tensor, scale: Tensor | float, bias: Tensor, clamp: float = CLAMP) -> Tensor:
    """clamp(leaky_relu(scale * x + bias)); the layer's gain is part of scale and bias."""
    scale = scale.to(x.dtype) if isinstance(scale, Tensor) else x.new_tensor(scale)
    y = F.leaky_relu_(torch.addcmul(bias.to(x.dtype), x, scale), SLOPE)
    return y.clamp(-clamp, clamp)


@full_precision
def upsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W): nearest, then a [1, 3, 3, 1] blur with replicated border.

    Written as bilinear interpolation and a 2x2 mean, which is the same filter and several times
    faster on channels-last maps.
    """
    y = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
    return F.avg_pool2d(F.pad(y, (1, 0, 1, 0), mode="replicate"), 2, stride=1)


@cache
def _upsample_matrix(size: int, device: torch.device) -> Tensor:
    """(2 * size, size) matrix of the one-dimensional `upsample`."""
    with torch.inference_mode(False), torch.no_grad():
        row = torch.eye(size).reshape(size, 1, 1, size).expand(size, 1, size, size)
        return upsample(row)[:, 0, 0].T.contiguous().to(device)


@full_precision
def upsample_image(x: Tensor) -> Tensor:
    """`upsample` for maps with few channels, as two matrix products."""
    height = _upsample_matrix(x.shape[2], x.device).to(x.dtype)
    width = _upsample_matrix(x.shape[3], x.device).to(x.dtype)
    return height @ x.contiguous() @ width.T


@full_precision
def downsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2): [1, 3, 3, 1] blur with replicated border, every second."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], device=x.device)
    kernel = (torch.outer(taps, taps) / 64).to(x.dtype).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(F.pad(x, (2, 1, 2, 1), mode="replicate"), kernel, stride=2, groups=x.shape[1])


def channel_widths(resolution: int, channel_base: int, channel_max: int) -> dict[int, int]:
    """Feature channels at every resolution from 4 to `resolution` (a power of two)."""
    levels = range(2, resolution.bit_length())
    return {2**i: min(channel_base // 2**i, channel_max) for i in levels}
