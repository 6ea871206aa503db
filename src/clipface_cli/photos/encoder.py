"""Interface of encoders: photos with their landmarks to head parameters and cameras."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos.landmarks import OUTER_EYES, Face
from clipface_cli.photos.squares import Square


@dataclass
class Encoded:
    """Encoders' results for B photos.

    camera (B, 3): scaled orthographic over the full square image, x' = s (x + tx) and
    y' = s (y + ty) in -1..1, y up. residual (B,): mean distance between the photo's landmarks and
    the fitted head's, as a fraction of the distance between the outer eye corners; NaN when the
    head has no landmarks to compare.
    """

    params: HeadParams
    camera: Tensor
    residual: Tensor

    def __len__(self) -> int:
        return len(self.camera)


class Encoder(Protocol):
    """name: the word the user types; head: the model whose parameters it finds."""

    name: str

    @property
    def head(self) -> HeadModel: ...

    def encode(self, images: NDArray[np.uint8], faces: Sequence[Face]) -> Encoded:
        """Square RGB images (B, R, R, 3), row 0 at the top, each with its face in its pixels."""


def joined(parts: Sequence[Encoded]) -> Encoded:
    """Concatenate several batches."""
    params = HeadParams(
        *(torch.cat([getattr(p.params, k) for p in parts]) for k in ("shape", "expression", "pose"))
    )
    camera, residual = (torch.cat([getattr(p, k) for p in parts]) for k in ("camera", "residual"))
    return Encoded(params, camera, residual)


def image_points(faces: Sequence[Face], resolution: int) -> Tensor:
    """Landmarks (B, N, 3) of square images in camera space: -1..1 over the image, y up, z near."""
    points = torch.from_numpy(np.stack([face.points for face in faces])) * (2 / resolution)
    return torch.stack([points[..., 0] - 1, 1 - points[..., 1], -points[..., 2]], -1)


def unfold_crop(camera: Tensor, square: Square, resolution: int) -> Tensor:
    """Camera (3,) over a crop (unturned) of a square image, as a camera over the whole image."""
    scale = camera[0] * (square.side / resolution)
    middle_x, middle_y = 2 * square.x / resolution - 1, 1 - 2 * square.y / resolution
    return torch.stack([scale, camera[1] + middle_x / scale, camera[2] + middle_y / scale])


def project(vertices: Tensor, camera: Tensor) -> Tensor:
    """Vertices (B, V, 3) in metres by cameras (B, 3) to camera space: x', y', and s z."""
    scale, shift = camera[:, None, :1], camera[:, None, 1:]
    return torch.cat([scale * (vertices[..., :2] + shift), scale * vertices[..., 2:]], -1)


def landmark_vertices(head: HeadModel, vertices: Tensor, name: str = "mediapipe") -> Tensor:
    """Points (B, N, 3) of a head's landmark embedding on its vertices (B, V, 3)."""
    corners, weights = head.landmarks[name]
    return torch.einsum("bnkc,nk->bnc", vertices[:, corners], weights.to(vertices))


def landmark_residual(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean distance in the image of points (B, N, 2 or 3), in outer-eye distances of `wanted`."""
    eyes = (wanted[:, OUTER_EYES[0]] - wanted[:, OUTER_EYES[1]]).norm(dim=-1)
    return (found[..., :2] - wanted[..., :2]).norm(dim=-1).mean(1) / eyes
