"""DECA's coarse encoder: a photo of a face to FLAME's parameters and a camera.

Feng et al., "Learning an animatable detailed 3D face model from in-the-wild images", 2021.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos.encoder import (
    Encoded,
    image_points,
    joined,
    landmark_residual,
    landmark_vertices,
    project,
    unfold_crop,
)
from clipface_cli.photos.landmarks import Face
from clipface_cli.photos.resnet import Bottleneck, ResNet
from clipface_cli.photos.squares import Square, cut

# The 236 outputs in order; `texture` are coefficients of a texture model that we do not use.
PARTS = {"shape": 100, "texture": 50, "expression": 50, "pose": 6, "camera": 3, "light": 27}
CROP = 224  # pixels of the network's square input
_BOX_MARGIN, _SCALE = 1.1, 1.25  # of a box around landmarks, and of the crop around that box
# Mesh points on the jaw from ear to ear over the chin, and on the upper edges of the brows.
_EXTREMES = (
    234, 93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361,
    323, 454, 70, 63, 105, 66, 107, 336, 296, 334, 293, 300,
)  # fmt: skip


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
        """From the keys of `E_flame`, without that prefix; frozen, in evaluation mode.

        Linear weights are (H, 2048) and (236, H). InputError for other networks.
        """
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


class DecaEncoder:
    """DECA's network behind the encoder protocol; its parameters are FLAME's."""

    name = "deca"

    def __init__(self, network: DecaNetwork, head: HeadModel | None = None) -> None:
        """head: FLAME; by default the imported one, read when first asked for."""
        self.network = network
        self._head = head

    @property
    def head(self) -> HeadModel:
        """FLAME; InputError where it is not imported."""
        if self._head is None:
            self._head = HeadModel.load("flame")
        return self._head

    def encode(self, images: NDArray[np.uint8], faces: Sequence[Face]) -> Encoded:
        """Square RGB images (B, R, R, 3) with one face each, in pixels of its image."""
        resolution = images.shape[1]
        squares = [face_square(face) for face in faces]
        crops = np.stack([cut(i, s, CROP) for i, s in zip(images, squares, strict=True)])
        with torch.inference_mode():
            batch = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
            parts = split(self.network(batch))
        params = HeadParams(*(parts[k].clone() for k in ("shape", "expression", "pose")))
        pairs = zip(parts["camera"], squares, strict=True)
        camera = torch.stack([unfold_crop(c, square, resolution) for c, square in pairs])
        return Encoded(params, camera, self._residual(params, camera, faces, resolution))

    def encode_clip(self, pictures: Iterable[tuple[NDArray[np.uint8], Face]]) -> Encoded:
        """Square RGB pictures (R, R, 3) of one person, each with its face in its pixels.

        All frames get the mean of their shapes.
        """
        parts = [self.encode(image[None], [face]) for image, face in pictures]
        encoded = joined(parts)
        mean = encoded.params.shape.mean(0, keepdim=True)
        encoded.params.shape = mean.expand(len(parts), -1).clone()
        return encoded

    def _residual(
        self, params: HeadParams, camera: Tensor, faces: Sequence[Face], resolution: int
    ) -> Tensor:
        if "mediapipe" not in self.head.landmarks:
            return torch.full((len(camera),), torch.nan)
        points = landmark_vertices(self.head, self.head.pose_head(params))
        return landmark_residual(project(points, camera), image_points(faces, resolution))


def face_square(face: Face) -> Square:
    """The square of a photo that DECA sees: brows to chin and jaw to jaw, with its margins.

    DECA's own boxes lie around 68 landmarks, which have no forehead; of the 468 here, those that
    bound the same part of a face are taken.
    """
    points = face.points[list(_EXTREMES), :2]
    low, high = points.min(0), points.max(0)
    side = float((high - low).mean()) * _BOX_MARGIN * _SCALE
    x, y = (low + high) / 2
    return Square(float(x), float(y), side)
