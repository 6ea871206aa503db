"""Text2Mesh's neural style field: places on a mesh to colours and displacements (eq. 27-29)."""

from __future__ import annotations

import math
from itertools import pairwise

import torch
from torch import Tensor, nn


class StyleField(nn.Module):
    """Features (V, 2 n) of places -> colours (V, 3) in [-1, 1] and displacements (V,) in [-1, 1].

    Both start at zero, which is grey.
    """

    def __init__(self, features: int, width: int, depth: int, branch_depth: int) -> None:
        """width: of every layer; depth: hidden layers after the first; branch_depth: hidden layers
        of either output alone."""
        super().__init__()
        self.trunk = _layers(features, width, depth + 1)
        self.colour = nn.Sequential(_layers(width, width, branch_depth), _zero(width, 3))
        self.normal = nn.Sequential(_layers(width, width, branch_depth), _zero(width, 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Colours and displacements."""
        shared = self.trunk(features)
        return self.colour(shared).tanh(), self.normal(shared)[:, 0].tanh()


def _layers(inputs: int, width: int, count: int) -> nn.Sequential:
    sizes = [inputs] + [width] * count
    return nn.Sequential(*(nn.Sequential(nn.Linear(a, b), nn.ReLU()) for a, b in pairwise(sizes)))


def _zero(inputs: int, outputs: int) -> nn.Linear:
    layer = nn.Linear(inputs, outputs)
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def fourier_features(places: Tensor, frequencies: Tensor) -> Tensor:
    """γ(p) = [cos(2πBp), sin(2πBp)], (V, 2 n), of places (V, 3) and B (n, 3); eq. 27."""
    angles = 2 * math.pi * places @ frequencies.T
    return torch.cat([angles.cos(), angles.sin()], 1)


def network_places(vertices: Tensor) -> Tensor:
    """Vertices (V, 3) as the network sees them: left and right alike, each axis standardised."""
    middle = vertices.mean(0)
    places = torch.cat([(vertices[:, :1] - middle[0]).abs(), vertices[:, 1:]], 1)
    return (places - places.mean(0)) / places.std(0)
