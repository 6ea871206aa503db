"""Eyelashes: anti-aliased curves that grow from the lid margins and turn with the lids."""

from __future__ import annotations

import math

import numba as nb
import numpy as np
from numpy.typing import NDArray

from ._topology import LashLine, Topology

UPPER_COUNT, LOWER_COUNT = 95, 45
UPPER_LENGTH, LOWER_LENGTH = 0.0078, 0.0038  # metres
UPPER_ALPHA, LOWER_ALPHA = 0.62, 0.34
DEPTH_BIAS = 0.0022  # metres
POINTS = 24
COLOUR = (0.0060, 0.0040, 0.0033)


def lash_curves(
    topology: Topology,
    vertices: NDArray[np.float32],
    normals: NDArray[np.float32],
    rest_normals: NDArray[np.float32],
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Curves (N,POINTS,3) in metres and their opacity at the root (N,)."""
    rng = np.random.default_rng(5)
    curves, alphas = [], []
    for line in topology.lashes:
        curve = _grow(line, vertices[line.vertices], rng)
        curves.append(curve)
        alphas.append(np.full(len(curve), UPPER_ALPHA if line.upper else LOWER_ALPHA))
    if not curves:
        return np.zeros((0, POINTS, 3), np.float32), np.zeros(0, np.float32)
    return np.concatenate(curves).astype(np.float32), np.concatenate(alphas).astype(np.float32)


def _grow(
    line: LashLine, margin: NDArray[np.float32], rng: np.random.Generator
) -> NDArray[np.float64]:
    count = UPPER_COUNT if line.upper else LOWER_COUNT
    length = UPPER_LENGTH if line.upper else LOWER_LENGTH
    side = 1 if line.left else -1
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(margin, axis=0), axis=1))])
    u = 0.04 + 0.92 * (np.arange(count) + rng.random(count)) / count
    roots = np.stack([np.interp(u * along[-1], along, axis) for axis in margin.T], axis=1)
    roots += (0.0, 0.0001 if line.upper else -0.0001, 0.0002)

    outward = 2 * u - 1
    fan = 0.55 * outward + 0.20 * side + rng.normal(0, 0.10, count)
    ones = np.ones(count)
    first = _unit(np.stack([0.7 * fan, ones * (0.10 if line.upper else -0.25), ones], axis=1))
    last = _unit(np.stack([fan, ones * (1.0 if line.upper else -0.9), 0.35 * ones], axis=1))
    lengths = length * (1 - 0.35 * outward**2) * rng.uniform(0.7, 1.15, count)
    lengths *= 1 + 0.25 * outward * side
    t = np.linspace(0, 1, POINTS)[None, :, None]
    bend = first[:, None] * (1 - 0.62 * t) + last[:, None] * (0.62 * t)
    return roots[:, None] + bend * t * lengths[:, None, None]


def _unit(vectors: NDArray[np.float64]) -> NDArray[np.float64]:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)


@nb.njit(cache=True)  # type: ignore[untyped-decorator]
def _splat(curves, alphas, depth, bias, image, colour):  # type: ignore[no-untyped-def]
    """Lay the curves over the image: `curves` (N,P,3) pixel x, y and distance."""
    height, width = depth.shape
    last = curves.shape[1] - 1
    for n in range(curves.shape[0]):
        for p in range(last):
            x0, y0, z0 = curves[n, p]
            x1, y1, z1 = curves[n, p + 1]
            steps = max(1, math.ceil(math.hypot(x1 - x0, y1 - y0)))
            for i in range(steps):
                t = (i + 0.5) / steps
                x, y = x0 + t * (x1 - x0) - 0.5, y0 + t * (y1 - y0) - 0.5
                column, row = math.floor(x), math.floor(y)
                if column < 0 or row < 0 or column >= width - 1 or row >= height - 1:
                    continue
                z = z0 + t * (z1 - z0) - bias
                alpha = alphas[n] * (1 - (p + t) / last) ** 0.55
                fx, fy = x - column, y - row
                for dy in range(2):
                    for dx in range(2):
                        if depth[row + dy, column + dx] < z:
                            continue
                        cover = alpha * (fx if dx else 1 - fx) * (fy if dy else 1 - fy)
                        for channel in range(3):
                            under = image[row + dy, column + dx, channel]
                            image[row + dy, column + dx, channel] = (
                                under * (1 - cover) + colour[channel] * cover
                            )


def draw_lashes(
    curves: NDArray[np.float32],
    alphas: NDArray[np.float32],
    depth: NDArray[np.float32],
    image: NDArray[np.float32],
) -> None:
    """Draw projected curves (N,POINTS,3) into linear `image` (H,W,3), hidden by `depth` (H,W)."""
    fineness = min(1.0, (depth.shape[0] / 2048) ** 0.5)
    _splat(curves, alphas * np.float32(fineness), depth, DEPTH_BIAS, image, COLOUR)
