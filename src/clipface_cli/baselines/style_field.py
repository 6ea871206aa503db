"""Text2Mesh's neural style field: places on a mesh to colours and displacements (eq. 27-29)."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn


class StyleField(nn.Module):
    """Features (V, 2 n) of places -> colours (V, 3) and displacements (V,), both in [-1, 1].

    They start at zero, which is grey.
    """

    def __init__(self, features: int, width: int, depth: int, branch_depth: int) -> None:
        """width: of every layer; depth: hidden layers after the first; branch_depth: hidden layers
        of either output alone."""
        super().__init__()
        self.trunk = _Layers(features, width, depth + 1)
        self.colour = nn.Sequential(_Layers(width, width, branch_depth), _Output(width, 3))
        self.normal = nn.Sequential(_Layers(width, width, branch_depth), _Output(width, 1))

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Colours and displacements."""
        shared = self.trunk(features)
        return self.colour(shared).tanh(), self.normal(shared)[:, 0].tanh()

    def colours(self, features: Tensor) -> Tensor:
        """Colours alone, which takes a fifth less time."""
        colours: Tensor = self.colour(self.trunk(features)).tanh()
        return colours


class _Layers(nn.Sequential):
    """`count` linear layers of one width, each with a ReLU."""

    def __init__(self, inputs: int, width: int, count: int) -> None:
        layers: list[nn.Module] = []
        for size in [inputs] + [width] * (count - 1):
            layers += [nn.Linear(size, width), nn.ReLU(inplace=True)]
        super().__init__(*layers)


class _Output(nn.Linear):
    """A linear layer that begins at zero."""

    def reset_parameters(self) -> None:
        """Where training starts."""
        nn.init.zeros_(self.weight)
        nn.init.zeros_(self.bias)


def fourier_features(places: Tensor, frequencies: Tensor) -> Tensor:
    """γ(p) = [cos(2πBp), sin(2πBp)], (V, 2 n), of places (V, 3) and B (n, 3); eq. 27."""
    angles = 2 * math.pi * places @ frequencies.T
    return torch.cat([angles.cos(), angles.sin()], 1)


def network_places(vertices: Tensor) -> Tensor:
    """Vertices (V, 3) as the network sees them: left and right alike, each axis standardised."""
    middle = vertices.mean(0)
    places = torch.cat([(vertices[:, :1] - middle[0]).abs(), vertices[:, 1:]], 1)
    return (places - places.mean(0)) / places.std(0)
