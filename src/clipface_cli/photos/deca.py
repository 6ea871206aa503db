"""DECA's coarse encoder: a photo of a face to FLAME's parameters.

Feng et al., "Learning an animatable detailed 3D face model from in-the-wild images", 2021.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.photos.resnet import Bottleneck, ResNet

# The 236 outputs in order; `texture` are coefficients of a texture model that we do not use.
PARTS = {"shape": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "light": 27}


class DecaNetwork(nn.Module):
    """ResNet-50 and two linear layers; key names as in `deca_model.tar` under `E_flame`."""

    def __init__(self, hidden: int = 1024, outputs: int = sum(PARTS.values())) -> None:
        super().__init__()
        self.encoder = ResNet(Bottleneck, (3, 4, 6, 3))
        self.layers = nn.Sequential(nn.Linear(2048, hidden), nn.ReLU(), nn.Linear(hidden, outputs))

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, 224, 224) RGB in [0, 1] to (B, 236), see `PARTS`."""
        features = self.encoder(images)[2].mean((2, 3))
        parameters: Tensor = self.layers(features)
        return parameters

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> DecaNetwork:
        """From the keys of `E_flame`, without that prefix; frozen, in evaluation mode."""
        try:
            with torch.device("meta"):
                network = cls(len(state["layers.0.weight"]), len(state["layers.2.weight"]))
            network.load_state_dict(dict(state), assign=True)
        except (KeyError, RuntimeError, TypeError) as error:
            raise InputError(f"These weights are not DECA's encoder: {error}") from error
        return network.eval().requires_grad_(False)


def split(parameters: Tensor) -> dict[str, Tensor]:
    """The encoder's output (B, 236) by name."""
    return dict(zip(PARTS, parameters.split(list(PARTS.values()), 1), strict=True))
