"""Hats and glasses by two small embedded networks, trained on drawn people.

Inputs are windows of FFHQ's square around a face: all of it, and the eyes. Outputs are
probabilities, calibrated on people kept out of the training; near 0.5 the network is unsure.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from clipface_cli.artifacts import read_tensors
from clipface_cli.assets import builtin
from clipface_cli.photos.align import face_square
from clipface_cli.photos.landmarks import Face
from clipface_cli.photos.squares import cut

FORMAT = "clipface-accessories"
SIZE = 192  # pixels of the square
# Name: the window's left, top, width, height as shares of the square, and its pixels across, down.
WINDOWS = {
    "headwear": ((0.0, 0.0, 1.0, 1.0), (64, 64)),
    "eyewear": ((0.22, 0.33, 0.56, 0.28), (96, 48)),
}

Pixels = NDArray[np.uint8]


class Detector(nn.Module):
    """Windows (B, 3, H, W) in 0..1 to logits (B,); H and W a multiple of 8."""

    def __init__(self, width: int, height: int) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for inputs, outputs, stride in ((3, 16, 2), (16, 24, 2), (24, 32, 1), (32, 48, 2)):
            convolution = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
            layers += [convolution, nn.BatchNorm2d(outputs), nn.ReLU()]
        layers += [nn.Conv2d(48, 16, 1), nn.ReLU(), nn.Flatten(), nn.Dropout(0.3)]
        self.layers = nn.Sequential(*layers, nn.Linear(16 * (width // 8) * (height // 8), 1))
        self.register_buffer("temperature", torch.ones(()))

    def forward(self, windows: Tensor) -> Tensor:
        """Logits (B,), divided by the calibration temperature."""
        logits: Tensor = self.layers(evened(windows))[:, 0] / self.temperature
        return logits


def detectors() -> nn.ModuleDict:
    """Untrained networks by the accessory that they detect."""
    return nn.ModuleDict({name: Detector(*size) for name, (_, size) in WINDOWS.items()})


def window(squares: Tensor, name: str, moved: Tensor | None = None) -> Tensor:
    """The part (B, 3, h, w) of squares (B, 3, S, S) in 0..1 that is a network's input.

    moved (B, 2, 3): affine maps of the window, in -1..1, for augmentation.
    """
    (left, top, width, height), (across, down) = WINDOWS[name]
    base = torch.tensor([[width, 0, 2 * left + width - 1], [0, height, 2 * top + height - 1]])
    maps = base.expand(len(squares), 2, 3)
    if moved is not None:
        maps = torch.cat([moved[..., :2] @ maps[..., :2], maps[..., 2:] + moved[..., 2:]], -1)
    shrink = max(1, round(squares.shape[-1] * width / across))
    grid = F.affine_grid(maps, [len(squares), 3, down, across], align_corners=False)
    small = F.avg_pool2d(squares, shrink)
    return F.grid_sample(small, grid, padding_mode="border", align_corners=False)


def evened(windows: Tensor) -> Tensor:
    """Windows (B, 3, h, w), each scaled to mean 0 and deviation of about 1."""
    deviation, mean = torch.std_mean(windows, (1, 2, 3), keepdim=True)
    return (windows - mean) / (deviation + 0.02)


class Accessories:
    """The embedded networks as an `AccessoryDetector`; they give no mask of hair."""

    name = "builtin"

    def __init__(self, path: Path | None = None) -> None:
        state, _ = read_tensors(path or builtin("accessories.safetensors"), FORMAT)
        self._networks = detectors()
        loaded = {key: value.float() for key, value in state.items()}
        self._networks.load_state_dict(loaded, strict=False)  # counters of training are left out
        self._networks.eval().requires_grad_(False)

    def __call__(
        self, photo: Pixels, face: Face, image: Pixels
    ) -> tuple[dict[str, float], Tensor | None]:
        """Probabilities of `headwear` and `eyewear` in photo (H, W, 3); see `AccessoryDetector`."""
        del image
        return self.score(cut(photo, face_square(face), SIZE)), None

    @torch.inference_mode()
    def score(self, square: Pixels) -> dict[str, float]:
        """Probabilities for FFHQ's square (192, 192, 3)."""
        pixels = torch.from_numpy(square.copy()).permute(2, 0, 1)[None] / 255
        return {
            name: float(network(window(pixels, name)).sigmoid())
            for name, network in self._networks.items()
        }
