"""Scalar fields of the painter: smooth steps, value noise, cell noise, and sRGB conversion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numba
import numpy as np
from numpy.typing import ArrayLike, NDArray

Field: TypeAlias = NDArray[Any]  # float32 unless said otherwise


def step(low: Any, high: Any, x: Any) -> Any:
    """Smooth step from 0 at low to 1 at high; falls when low > high."""
    if isinstance(low, (int, float)) and isinstance(high, (int, float)):
        low, high = np.float32(low), np.float32(high)
    t = np.clip((x - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


def ramp(ends: Sequence[float], x: Any) -> Any:
    """`step` between two ends: 0 at the first, 1 at the second."""
    return step(ends[0], ends[1], x)


def bump(x: Any, centre: float, width: float) -> Any:
    """Gaussian bell of height 1."""
    return np.exp(-np.square((x - np.float32(centre)) / np.float32(width)))


def spot(x: Field, y: Field, of: Sequence[float]) -> Field:
    """Soft ellipse in 0..1 at x and y, arrays of the same shape.

    of: x and y of the middle, where it is 1, and half width and half height, where it is 1/e.
    """
    x0, y0, width, height = of
    return np.asarray(np.exp(-(((x - x0) / width) ** 2 + ((y - y0) / height) ** 2)))


def curve(x: Field, at: Any, values: Any) -> Field:
    """Piecewise linear curve through (at, values), at x of any shape; `at` (N,) ascends."""
    return np.asarray(np.interp(x, at, values), np.float32)


def to_linear(srgb: ArrayLike) -> Field:
    """sRGB in 0..1, of any shape, to linear light in 0..1."""
    c = np.asarray(srgb, np.float32)
    return np.where(c <= 0.04045, c / 12.92, ((c + 0.055) / 1.055) ** 2.4).astype(np.float32)


def rgb(colour: Sequence[int]) -> Field:
    """Linear (3,) of an 8-bit sRGB colour (red, green, blue)."""
    return to_linear(np.array(colour) / 255)


def to_srgb8(linear: Field) -> NDArray[np.uint8]:
    """Linear light of any shape, cut to 0..1, to 8-bit sRGB."""
    table = _srgb_table()
    index = (np.clip(linear, 0, 1) * (len(table) - 1) + 0.5).astype(np.int32)
    return table[index]


_TABLE: list[NDArray[np.uint8]] = []


def _srgb_table() -> NDArray[np.uint8]:
    if not _TABLE:
        c = np.linspace(0, 1, 1 << 14)
        srgb = np.where(c <= 0.0031308, 12.92 * c, 1.055 * c ** (1 / 2.4) - 0.055)
        _TABLE.append((srgb * 255 + 0.5).astype(np.uint8))
    return _TABLE[0]


@numba.njit(cache=True)
def _hash(i, j, k, seed):  # type: ignore[no-untyped-def]
    n = (i * 374761393 + j * 668265263 + k * 2147483647 + seed * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((n ^ (n >> 16)) & 0xFFFF) / 65535.0


@numba.njit(cache=True)
def _noise(points, scale, seed, octaves, gain, out):  # type: ignore[no-untyped-def]
    for q in range(points.shape[0]):
        amplitude, total, value, frequency = 1.0, 0.0, 0.0, 1.0
        for octave in range(octaves):
            x = points[q, 0] / scale * frequency + 37.1 * octave
            y = points[q, 1] / scale * frequency + 11.7 * octave
            z = points[q, 2] / scale * frequency + 71.3 * octave
            i, j, k = math.floor(x), math.floor(y), math.floor(z)
            x, y, z = x - i, y - j, z - k
            x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
            sample = 0.0
            for dk in range(2):
                for dj in range(2):
                    for di in range(2):
                        w = (x if di else 1 - x) * (y if dj else 1 - y) * (z if dk else 1 - z)
                        sample += w * _hash(i + di, j + dj, k + dk, seed + octave)
            value += amplitude * (2 * sample - 1)
            total += amplitude
            amplitude *= gain
            frequency *= 2.03
        out[q] = 1.6 * value / total


def noise(points: Field, scale: float, seed: int, octaves: int = 4, gain: float = 0.5) -> Field:
    """Value noise of about -1..1 at points (..., 3); scale in metres."""
    flat = np.ascontiguousarray(points.reshape(-1, 3), np.float32)
    out = np.empty(len(flat), np.float32)
    _noise(flat, scale, seed, octaves, gain, out)
    return out.reshape(points.shape[:-1])


@numba.njit(cache=True)
def _cells(points, scale, seed, out):  # type: ignore[no-untyped-def]
    for q in range(points.shape[0]):
        x, y, z = points[q, 0] / scale, points[q, 1] / scale, points[q, 2] / scale
        i0, j0, k0 = math.floor(x), math.floor(y), math.floor(z)
        first, second, rank = 9.0, 9.0, 0.0
        for k in range(k0 - 1, k0 + 2):
            for j in range(j0 - 1, j0 + 2):
                for i in range(i0 - 1, i0 + 2):
                    dx = i + _hash(i, j, k, seed) - x
                    dy = j + _hash(i, j, k, seed + 1) - y
                    dz = k + _hash(i, j, k, seed + 2) - z
                    d = dx * dx + dy * dy + dz * dz
                    if d < first:
                        first, second, rank = d, first, _hash(i, j, k, seed + 3)
                    elif d < second:
                        second = d
        out[q, 0], out[q, 1], out[q, 2] = math.sqrt(first), math.sqrt(second), rank


def cells(points: Field, scale: float, seed: int) -> Field:
    """Cell noise (..., 3): nearest and second distance in cells, and the cell's rank in 0..1."""
    flat = np.ascontiguousarray(points.reshape(-1, 3), np.float32)
    out = np.empty((len(flat), 3), np.float32)
    _cells(flat, scale, seed, out)
    return out.reshape(*points.shape[:-1], 3)
