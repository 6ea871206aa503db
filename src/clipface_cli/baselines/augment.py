"""Random crops and perspective distortions of renders, as Text2Mesh sees them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

FILL = 1.0  # white beyond a distorted picture's border
_TRIES = 10  # draws of a crop that fits before the whole picture is taken


@dataclass(frozen=True)
class Augmentation:
    """One random view of pictures: a crop, then with some probability a perspective distortion.

    area: share of the picture that a crop has; aspect: most by which its sides differ, as a ratio;
    distortion: share of half a side that corners move inwards at most; probability: of distorting.
    """

    area: float = 1.0
    aspect: float = 4 / 3
    distortion: float = 0.5
    probability: float = 0.8

    def __call__(self, images: Tensor, random: torch.Generator) -> Tensor:
        """The same crop and distortion of all images (N, 3, H, W); random: on the CPU."""
        left, top, width, height = self.crop(random)
        corners = self.corners(random)
        size = images.shape[-1]
        centres = (torch.arange(size, device="cpu", dtype=torch.float64) * 2 + 1) / size - 1
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        places = torch.stack([x, y, torch.ones_like(x)], -1) @ homography(corners).T
        places = places[..., :2] / places[..., 2:]  # in the crop, -1..1
        inside = (places.abs() <= 1).all(-1).to(images)
        scale, shift = torch.tensor([[width, height], [left, top]], device="cpu").double()
        grid = (2 * shift + scale * (places + 1) - 1).to(images)  # in the picture, -1..1
        seen = F.grid_sample(
            images, grid.expand(len(images), -1, -1, -1), padding_mode="border", align_corners=False
        )
        return FILL + inside * (seen - FILL)

    def crop(self, random: torch.Generator) -> tuple[float, float, float, float]:
        """Left, top, width and height as shares of the picture; a place drawn uniformly."""
        for _ in range(_TRIES):
            ratio = math.exp((2 * _draw(random) - 1) * math.log(self.aspect))
            width, height = math.sqrt(self.area * ratio), math.sqrt(self.area / ratio)
            if width <= 1 and height <= 1:
                left, top = _draw(random) * (1 - width), _draw(random) * (1 - height)
                return left, top, width, height
        side = math.sqrt(self.area)
        return (1 - side) / 2, (1 - side) / 2, side, side

    def corners(self, random: torch.Generator) -> Tensor:
        """Where the corners (4, 2) of the square -1..1 go, clockwise from the top left."""
        square = torch.tensor(
            [[-1, -1], [1, -1], [1, 1], [-1, 1]], device="cpu", dtype=torch.float64
        )
        if _draw(random) >= self.probability:
            return square
        inward = torch.rand(4, 2, generator=random, device="cpu", dtype=torch.float64)
        return square * (1 - self.distortion * inward)


def homography(corners: Tensor) -> Tensor:
    """The matrix (3, 3) that takes homogeneous points (x, y, 1) from the quadrilateral with these
    corners (4, 2) to the square -1..1, in float64."""
    square = corners.new_tensor([[-1, -1], [1, -1], [1, 1], [-1, 1]])
    rows = []
    for (x, y), (u, v) in zip(corners.tolist(), square.tolist(), strict=True):
        rows.append([x, y, 1, 0, 0, 0, -u * x, -u * y])
        rows.append([0, 0, 0, x, y, 1, -v * x, -v * y])
    solved = torch.linalg.solve(corners.new_tensor(rows), square.flatten())
    return torch.cat([solved, solved.new_ones(1)]).view(3, 3)


def _draw(random: torch.Generator) -> float:
    return float(torch.rand((), generator=random, device="cpu"))
