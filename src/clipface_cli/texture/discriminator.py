"""The discriminator: StyleGAN2's residual network in the key names ClipFace published."""

import math
from collections.abc import Mapping
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.assets import locate_asset
from clipface_cli.errors import InputError
from clipface_cli.texture.layers import (
    CLAMP,
    EPSILON,
    GAIN,
    EqualizedLinear,
    activate,
    channel_widths,
)
from clipface_cli.texture.resample import downsample
from clipface_cli.texture.weights import load_state


class EqualizedConv2d(nn.Module):
    """(B, I, R, R) -> (B, O, R or R/2, R or R/2): convolution with bias and leaky ReLU.

    down: halve the resolution before.
    """

    def __init__(
        self, in_channels: int, out_channels: int, size: int, down: bool = False, gain: float = 1.0
    ):
        super().__init__()
        self.down, self.gain = down, gain
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, size, size))
        self.bias = nn.Parameter(torch.zeros(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        x = downsample(x) if self.down else x
        x = F.conv2d(x, self.weight, padding=self.weight.shape[2] // 2)
        scale = GAIN * self.gain / math.sqrt(self.weight[0].numel())
        bias = GAIN * self.gain * self.bias[None, :, None, None]
        return activate(x, scale, bias, CLAMP * self.gain)


class Skip(nn.Module):
    """(B, I, R, R) -> (B, O, R/2, R/2): the skip connection, a 1x1 convolution without bias."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(out_channels, in_channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight * math.sqrt(0.5 / self.weight.shape[1])
        limit = CLAMP * math.sqrt(0.5)
        return F.conv2d(downsample(x), weight).clamp(-limit, limit)


class DiscriminatorBlock(nn.Module):
    """(B, I, R, R) -> (B, O, R/2, R/2): two convolutions and the skip connection."""

    def __init__(self, in_channels: int, out_channels: int):
        super().__init__()
        self.conv0 = EqualizedConv2d(in_channels, in_channels, 3)
        self.conv1 = EqualizedConv2d(in_channels, out_channels, 3, True, math.sqrt(0.5))
        self.skip = Skip(in_channels, out_channels)

    def forward(self, x: Tensor) -> Tensor:
        return torch.add(self.skip(x), self.conv1(self.conv0(x)))


def append_minibatch_deviation(x: Tensor, group_size: int = 4) -> Tensor:
    """(B, C, H, W) -> (B, C + 1, H, W): append the mean standard deviation over the images.

    Taken within groups of at most `group_size` images, the largest that divides B.
    """
    count, channels, height, width = x.shape
    group = max(g for g in range(1, group_size + 1) if count % g == 0)
    y = x.float().reshape(group, -1, channels, height, width)
    y = ((y - y.mean(0)).square().mean(0) + EPSILON).sqrt().mean((1, 2, 3))
    y = y.repeat(group).reshape(count, 1, 1, 1).expand(-1, 1, height, width)
    return torch.cat([x, y.to(x.dtype)], 1)


class DiscriminatorEpilogue(nn.Module):
    """Features (B, C, 4, 4) -> logits (B, 1)."""

    def __init__(self, channels: int):
        super().__init__()
        self.conv = EqualizedConv2d(channels + 1, channels, 3)
        self.fc = EqualizedLinear(channels * 16, channels, activate=True)
        self.out = EqualizedLinear(channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(append_minibatch_deviation(x)).contiguous()
        logits: Tensor = self.out(self.fc(x.flatten(1)))
        return logits


class Discriminator(nn.Module):
    """Images (B, 3, R, R) in [-1, 1] -> logits (B, 1)."""

    def __init__(self, channels: Mapping[int, int]):
        """`channels`: features at each resolution 4, 8, ..., R."""
        super().__init__()
        self.resolution = max(channels)
        sizes = sorted(channels, reverse=True)
        self.net = nn.Sequential(
            EqualizedConv2d(3, channels[self.resolution], 1),
            *(DiscriminatorBlock(channels[s], channels[s // 2]) for s in sizes[:-1]),
        )
        self.b4 = DiscriminatorEpilogue(channels[4])

    @classmethod
    def create(
        cls, resolution: int = 256, channel_base: int = 8192, channel_max: int = 256
    ) -> "Discriminator":
        """A fresh discriminator with random weights."""
        return cls(channel_widths(resolution, channel_base, channel_max))

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "Discriminator":
        """Build from a state dict, published or ours; every size is read from the weights."""
        try:
            widths = [state["net.0.bias"].shape[0]]
            while (key := f"net.{len(widths)}.conv1.bias") in state:
                widths.append(state[key].shape[0])
            discriminator = cls({4 * 2**i: c for i, c in enumerate(reversed(widths))})
            # The published files also carry the constant blur kernels.
            discriminator.load_state_dict({k: v for k, v in state.items() if "resample" not in k})
        except (KeyError, RuntimeError) as error:
            raise InputError(f"These weights are not a discriminator's: {error}") from error
        return discriminator

    @classmethod
    def load(cls, path: str | Path) -> "Discriminator":
        """Read a .safetensors file, a published one, or an imported one by its name."""
        return cls.from_state(load_state(locate_asset(path)))

    def forward(self, images: Tensor) -> Tensor:
        x = self.net(images.contiguous(memory_format=torch.channels_last))
        logits: Tensor = self.b4(x)
        return logits
