"""Equalised layers and activations shared by generator, discriminator and mappers."""

import math
from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# Constants of StyleGAN2, on which published weights depend.
SLOPE = 0.2  # of leaky ReLU below zero
GAIN = math.sqrt(2.0)  # keeps the variance through leaky ReLU
CLAMP = 256.0  # largest activation: keeps half-precision training finite
EPSILON = 1e-8  # added to mean squares and variances before the root

P = ParamSpec("P")
R = TypeVar("R")


def full_precision(function: Callable[P, R]) -> Callable[P, R]:
    """Run `function` outside autocast: what decides on styles stays in the weights' dtype."""

    @wraps(function)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> R:
        tensor = next(a for a in args if isinstance(a, Tensor))
        with torch.autocast(tensor.device.type, enabled=False):
            return function(*args, **kwargs)

    return wrapped


def fast_autocast(device: torch.device | str = "cpu") -> torch.autocast:
    """bfloat16 convolutions where the processor has them (twice as fast), else float32."""
    kind = torch.device(device).type
    native = torch.cpu._is_avx512_bf16_supported() if kind == "cpu" else kind == "cuda"
    return torch.autocast(kind, torch.bfloat16, enabled=native)


class _Products(torch.autograd.Function):
    """x (L, B, I) @ weight (L, O, I).mT, whose gradient to the weight lies as the weight does.

    That of the operator comes transposed, and copying it takes longer than all the rest.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        ctx.save_for_backward(x, weight)
        return x @ weight.mT

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor]:
        x, weight = ctx.saved_tensors
        y = grads[0]
        return y @ weight, y.mT * x if x.shape[1] == 1 else y.mT @ x


@full_precision
def equalized_linear(
    x: Tensor, weight: Tensor, bias: Tensor, lr_multiplier: float = 1.0, activate: bool = False
) -> Tensor:
    """x (B, I) or (L, B, I) times weight (O, I) or (L, O, I), both scaled by `lr_multiplier`."""
    gain = lr_multiplier / math.sqrt(weight.shape[-1])
    x = x.to(weight.dtype) * gain
    product = F.linear(x, weight) if weight.ndim == 2 else _Products.apply(x, weight)  # type: ignore[no-untyped-call]
    y: Tensor = product + lr_multiplier * bias.unsqueeze(-2)
    return F.leaky_relu(y, SLOPE) * GAIN if activate else y


class EqualizedLinear(nn.Module):
    """x (B, I) -> (B, O): linear; weights are stored at unit variance over `lr_multiplier`."""

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
    """x (..., D) scaled to a mean square of 1 over the last axis."""
    return x * (x.square().mean(-1, keepdim=True) + EPSILON).rsqrt()


def activate(
    x: Tensor,
    scale: Tensor | float,
    bias: Tensor,
    clamp: float = CLAMP,
    noise: Tensor | None = None,
) -> Tensor:
    """clamp(leaky_relu(scale * x + bias + noise)); the layer's gain is part of all three.

    `noise` is (1 or B, 1, H, W): added by itself, it never becomes a map of all channels.
    """
    scale = scale.to(x.dtype) if isinstance(scale, Tensor) else x.new_full((), scale)
    y = torch.addcmul(bias.to(x.dtype), x, scale)
    if noise is not None:
        y = y.add_(noise.to(x.dtype))
    return F.hardtanh(F.leaky_relu_(y, SLOPE), -clamp, clamp, inplace=not y.requires_grad)


def channel_widths(resolution: int, channel_base: int, channel_max: int) -> dict[int, int]:
    """Feature channels at every resolution from 4 to `resolution` (a power of two)."""
    levels = range(2, resolution.bit_length())
    return {2**i: min(channel_base // 2**i, channel_max) for i in levels}
