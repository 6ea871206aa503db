"""Image tower: a small convolutional network from pixels to an embedding."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

RESOLUTION = 128


class _Block(nn.Module):
    """Residual 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.norm = nn.GroupNorm(8, channels)
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(F.silu(self.norm(x)))


class _RegionPool(nn.Module):
    """Softmax-weighted means over the map, one per query, so that small parts keep their weight."""

    def __init__(self, channels: int, side: int, queries: int) -> None:
        super().__init__()
        self.score = nn.Conv2d(channels, queries, 1)
        self.place = nn.Parameter(torch.zeros(queries, side, side))

    def forward(self, x: Tensor) -> Tensor:
        weights = (self.score(x) + self.place).flatten(2).softmax(2)
        return torch.einsum("bqn,bcn->bqc", weights, x.flatten(2)).flatten(1)


class ImageTower(nn.Module):
    """(B, 3, H, W) in [-1, 1] to (B, D), differentiable; any size, resized to 128 x 128.

    Pixel coordinates enter as two channels: the same colour means something else on lips and lids.
    """

    def __init__(
        self,
        size: int = 128,
        widths: tuple[int, ...] = (32, 64, 128, 192),
        depths: tuple[int, ...] = (0, 1, 2, 3),
        queries: int = 6,
    ) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = 5
        for width, depth in zip(widths, depths, strict=True):
            layers.append(nn.Conv2d(channels, width, 3, stride=2, padding=1))
            layers.extend(_Block(width) for _ in range(depth))
            channels = width
        side = RESOLUTION // 2 ** len(widths)
        self.stages = nn.Sequential(*layers, nn.GroupNorm(8, channels), nn.SiLU())
        self.pool = _RegionPool(channels, side, queries)
        self.project = nn.Linear(queries * channels, size)
        axis = torch.linspace(-1, 1, RESOLUTION)
        grid = torch.stack(torch.meshgrid(axis, axis, indexing="xy"))
        self.register_buffer("coordinates", grid, persistent=False)

    coordinates: Tensor

    def forward(self, images: Tensor) -> Tensor:
        return self.project(self.features(images))

    def features(self, images: Tensor) -> Tensor:
        """Features (B, `project.in_features`) that the embedding is projected from."""
        images = resize(images)
        place = self.coordinates.expand(len(images), -1, -1, -1)
        x = torch.cat([images, place.to(images.dtype)], 1)
        x = x.contiguous(memory_format=torch.channels_last)
        return self.pool(self.stages(x))


def resize(images: Tensor) -> Tensor:
    """Images at the tower's resolution, averaged where they shrink."""
    if images.shape[2:] == (RESOLUTION, RESOLUTION):
        return images
    return F.interpolate(
        images, (RESOLUTION, RESOLUTION), mode="bilinear", antialias=True, align_corners=False
    )
