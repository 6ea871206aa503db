"""A surface of any topology and the colours that it shows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import Pixels
from clipface_cli.artifacts.scan.groups import groups

Wrap: TypeAlias = Literal["repeat", "mirror", "clamp"]
Wraps: TypeAlias = tuple[Wrap, Wrap]
REPEAT: Wraps = ("repeat", "repeat")


@dataclass
class Scan:
    """vertices (V, 3), one where several coincide; faces (F, 3); uv (F, 3, 2), of their corners.

    UVs have their origin at the bottom left. pictures: 8-bit sRGB (H, W, 3); picture (F,): which of
    them a face shows; wraps: how each goes on outside 0..1 across and upwards, where not given
    repeating. tint (F, 3, 3): factors of the pictures' light at the corners (red, green, blue,
    linear), or None for ones.
    """

    vertices: NDArray[np.float64]
    faces: NDArray[np.int64]
    uv: NDArray[np.float64]
    pictures: list[Pixels]
    picture: NDArray[np.int64]
    wraps: list[Wraps] = field(default_factory=list)
    tint: NDArray[np.float64] | None = None

    def colours(self, face: NDArray[np.int64], weights: NDArray[np.float64]) -> NDArray[np.float32]:
        """Colours (N, 3) in -1..1 at points of faces (N,), given by weights (N, 3) of corners."""
        uv = (self.uv[face] * weights[..., None]).sum(1)
        found = np.zeros((len(face), 3), np.float32)
        for number, rows in groups(self.picture[face]):
            wraps = self.wraps[number] if self.wraps else REPEAT
            found[rows] = _bilinear(self.pictures[number], uv[rows], wraps)
        if self.tint is not None:
            factor = (self.tint[face] * weights[..., None]).sum(1)
            rows = np.flatnonzero((factor != 1).any(1))
            found[rows] = 255 * encoded(linear(found[rows].astype(np.float64) / 255) * factor[rows])
        return found / np.float32(127.5) - 1

    def inside_out(self) -> Scan:
        """The same surface with the corners of its faces the other way round."""
        tint = None if self.tint is None else self.tint[:, ::-1].copy()
        faces, uv = self.faces[:, ::-1].copy(), self.uv[:, ::-1].copy()
        return replace(self, faces=faces, uv=uv, tint=tint)

    def welded(self) -> Scan:
        """Vertices in the same place become one, so that seams of the texture are no borders."""
        places = self.vertices.astype(np.float32)
        _, kept, which = np.unique(places, axis=0, return_index=True, return_inverse=True)
        return replace(self, vertices=self.vertices[kept], faces=which.reshape(-1)[self.faces])


def linear(srgb: NDArray[np.float64]) -> NDArray[np.float64]:
    """sRGB values in 0..1, of any shape, as light."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((np.maximum(srgb, 0) + 0.055) / 1.055) ** 2.4)


def encoded(light: NDArray[np.float64]) -> NDArray[np.float64]:
    """Light, of any shape, as sRGB values in 0..1."""
    light = light.clip(0, 1)
    return np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def _bilinear(pixels: Pixels, uv: NDArray[np.float64], wraps: Wraps) -> NDArray[np.float32]:
    """Colours (N, 3) in 0..255 at uv (N, 2)."""
    height, width = pixels.shape[:2]
    x = np.clip(_wrapped(uv[:, 0], wraps[0]) * width - 0.5, 0, width - 1)
    y = np.clip((1 - _wrapped(uv[:, 1], wraps[1])) * height - 0.5, 0, height - 1)
    left, top = x.astype(int), y.astype(int)
    right, low = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[:, None].astype(np.float32), (y - top)[:, None].astype(np.float32)
    above = pixels[top, left] * (1 - across) + pixels[top, right] * across
    below = pixels[low, left] * (1 - across) + pixels[low, right] * across
    mixed: NDArray[np.float32] = above * (1 - down) + below * down
    return mixed


def _wrapped(values: NDArray[np.float64], wrap: Wrap) -> NDArray[np.float64]:
    """Coordinates (N,) as ones in 0..1, where those in 0..1 stay."""
    if wrap == "clamp":
        return values.clip(0, 1)
    if wrap == "mirror":
        values = np.abs(np.mod(values + 1, 2) - 1)
    return np.where((values >= 0) & (values <= 1), values, np.mod(values, 1))
