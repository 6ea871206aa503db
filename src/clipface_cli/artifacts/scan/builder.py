"""Parts of a scan, each with its own picture, put together."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import MAX_MEGAPIXELS, Pixels
from clipface_cli.artifacts.scan.surface import REPEAT, Scan, Wraps, encoded, linear
from clipface_cli.budget import Budget
from clipface_cli.errors import InputError

Number = TypeVar("Number", bound=np.generic)

PICTURE_BYTES = 400 << 20  # all decoded pictures of one scan
SURFACE_BYTES = 512 << 20  # all vertices and corners of one scan
MOST_PARTS = 10_000
_VERTEX_BYTES, _FACE_BYTES = 24, 72  # a place; three corners and their texture coordinates
FAR = 1e18  # of any unit: what is beyond, infinite or no number, is a fault
WHITE = (1.0, 1.0, 1.0)


class ScanBuilder:
    """Collects parts and the pictures that they show, each picture once."""

    def __init__(self) -> None:
        self._vertices: list[NDArray[np.float64]] = []
        self._faces: list[NDArray[np.int64]] = []
        self._uv: list[NDArray[np.float64]] = []
        self._picture: list[NDArray[np.int64]] = []
        self._tint: list[NDArray[np.float64] | None] = []
        self._pictures: list[Pixels] = []
        self._wraps: list[Wraps] = []
        self._known: dict[Hashable, int] = {}
        self._count = 0
        self._picture_budget, self._surface_budget = Budget(PICTURE_BYTES), Budget(SURFACE_BYTES)

    def picture(self, key: Hashable, load: Callable[[float], Pixels], wraps: Wraps = REPEAT) -> int:
        """The number of a picture (H, W, 3), loaded where `key` and `wraps` are new.

        `load` is given the number of megapixels that may be decoded.
        """
        if (key, wraps) not in self._known:
            pixels = load(min(MAX_MEGAPIXELS, self._picture_budget.left / 3e6))
            self._picture_budget.spend(pixels.nbytes, "has pictures that")
            self._known[key, wraps] = len(self._pictures)
            self._pictures.append(pixels)
            self._wraps.append(wraps)
        return self._known[key, wraps]

    def plain(self, colour: tuple[float, ...]) -> int:
        """The number of a picture of one colour (red, green, blue), sRGB in 0..1."""
        levels = np.round(255 * np.clip(colour, 0, 1)).astype(np.uint8)
        return self.picture(tuple(levels.tolist()), lambda _: levels.reshape(1, 1, 3))

    def reserve(self, vertices: int, faces: int) -> None:
        """Make sure, before they are laid out, that so many more may be added."""
        size = vertices * _VERTEX_BYTES + faces * _FACE_BYTES
        self._surface_budget.spend(size, "has a surface that")

    def add(
        self,
        vertices: NDArray[np.float64],
        faces: NDArray[np.int64],
        uv: NDArray[np.float64] | None,
        picture: NDArray[np.int64] | int,
        tint: NDArray[np.float64] | None = None,
    ) -> None:
        """Add vertices (V, 3) and faces (F, 3) of them, with their corners' uv (F, 3, 2).

        picture: the numbers (F,) of the pictures that they show, or one for all; without uv it is
        of one colour. tint (F, 3, 3): see `Scan`.
        """
        if len(self._faces) == MOST_PARTS:
            raise InputError(f"has more than {MOST_PARTS} parts; join them in a modelling program")
        self._vertices.append(vertices)
        self._faces.append(faces + self._count)
        which = np.broadcast_to(picture, len(faces))
        self._uv.append(np.zeros((len(faces), 3, 2)) if uv is None else self._shifted(uv, which))
        self._picture.append(which)
        self._tint.append(tint)
        self._count += len(vertices)

    def _shifted(self, uv: NDArray[np.float64], picture: NDArray[np.int64]) -> NDArray[np.float64]:
        """Corners (F, 3, 2) moved by whole repeats: those on a border keep their side."""
        repeats = np.array(self._wraps) == "repeat"
        return uv - np.where(repeats[picture], np.floor(uv.mean(1)), 0)[:, None]

    def scan(self) -> Scan:
        """All parts as one; InputError, a clause, where there is nothing to use."""
        if not sum(map(len, self._faces)):
            raise InputError("holds no triangles; is it a point cloud?")
        tint = None
        if any(part is not None for part in self._tint):
            pairs = zip(self._tint, self._faces, strict=True)
            ones = [np.ones((len(f), 3, 3)) if t is None else t for t, f in pairs]
            tint = _joined(ones)
        faces, vertices = _joined(self._faces), _joined(self._vertices)
        picture, uv = _joined(self._picture), _joined(self._uv)
        used = np.zeros(len(vertices), np.bool_)
        used[faces] = True
        for values in (vertices[used], uv, *([] if tint is None else [tint])):
            if not -FAR < values.min() <= values.max() < FAR:
                raise InputError("has places, texture coordinates or colours that are no numbers")
        return Scan(vertices, faces, uv, self._pictures, picture, self._wraps, tint).welded()


def _joined(parts: list[NDArray[Number]]) -> NDArray[Number]:
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


def tinted(pixels: Pixels, factor: tuple[float, ...]) -> Pixels:
    """A picture (H, W, 3) times a factor of light (red, green, blue)."""
    table = encoded(linear(np.arange(256) / 255)[:, None] * np.asarray(factor)[None])
    levels = np.round(255 * table).astype(np.uint8)
    return np.stack([levels[:, channel][pixels[..., channel]] for channel in range(3)], -1)
