"""Turned squares of an image: cut out and resized, and points brought back from them."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image


@dataclass(frozen=True)
class Square:
    """A square of an image: centre and side in pixels, `angle` radians clockwise as seen.

    Points are continuous: the first pixel spans 0..1.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @classmethod
    def around(cls, points: NDArray[np.float32], scale: float, angle: float = 0.0) -> Square:
        """Around points (N, 2 or 3), `scale` times as large as their bounding box so turned."""
        axes = cls(0, 0, 0, angle).axes
        turned = points[:, :2] @ axes.T
        low, high = turned.min(0), turned.max(0)
        x, y = (low + high) / 2 @ axes
        return cls(float(x), float(y), float((high - low).max()) * scale, angle)

    @property
    def axes(self) -> NDArray[np.float64]:
        """(2, 2): rows are the square's own right and down in the image."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cos, sin], [-sin, cos]])

    def to_image(self, points: NDArray[np.float32], size: int) -> NDArray[np.float32]:
        """Points (N, 2 or 3) of the square cut at `size` pixels, in pixels of the whole image."""
        step = self.side / size
        placed = np.array(points, np.float64) * step
        placed[:, :2] = (placed[:, :2] - self.side / 2) @ self.axes + (self.x, self.y)
        return placed.astype(np.float32)


def cut(image: NDArray[np.uint8], square: Square, size: int) -> NDArray[np.uint8]:
    """The square of an image (H, W, 3) at (size, size, 3); beyond the edge its pixels repeat."""
    reach = square.side / 2 * float(np.abs(square.axes).sum(0).max()) + 2
    left, top = math.floor(square.x - reach), math.floor(square.y - reach)
    span = math.ceil(2 * reach) + 1
    columns, rows = (
        np.arange(start, start + span).clip(0, limit - 1)
        for start, limit in ((left, image.shape[1]), (top, image.shape[0]))
    )
    part = Image.fromarray(image[rows[:, None], columns[None]])
    factor = max(1, int(square.side / size))
    part = part.reduce(factor)  # averages; the transform below only interpolates
    step = square.side / size / factor
    right, down = square.axes * step
    corner = (np.array([square.x - left, square.y - top]) / factor) - (right + down) * size / 2
    matrix = (right[0], down[0], corner[0], right[1], down[1], corner[1])
    turned = part.transform((size, size), Image.Transform.AFFINE, matrix, Image.Resampling.BILINEAR)
    return np.array(turned)
