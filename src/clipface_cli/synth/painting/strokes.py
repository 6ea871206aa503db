"""Hair strokes in fixed places: traced once over the texture, then only thresholded per person.

A layer remembers, for every texel, the stroke that covers it most, how much, and how far along
the stroke it lies. What a person's hair looks like is then a lookup: a stroke shows when its rank
is below the density and its root lies in the region; its texels show up to the length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, step


@dataclass
class Layer:
    """Traced strokes: maps (R, R) and per-stroke values (N,)."""

    stroke: NDArray[np.int32]  # index of the stroke on top, -1 where there is none
    cover: Field
    along: Field  # metres from the root
    length: Field
    rank: Field  # 0..1, in order of appearance
    tone: Field  # 0..1
    root: Field  # (N, 3) canonical position
    row: NDArray[np.int32]
    column: NDArray[np.int32]

    def at_roots(self, field: Field) -> Field:
        """A map's values (N,) at the roots."""
        return field[self.row, self.column]

    def show(self, visible: Field, length: float = 1.0) -> Field:
        """Cover (R, R) of strokes with visibility (N,), cut at a share of their length."""
        here = np.maximum(self.stroke, 0)
        share = self.along / self.length[here]
        fade = step(1.02 * length, 0.72 * length, share) if length < 0.999 else 1.0
        return np.asarray(self.cover * visible[here] * fade, np.float32)

    def tones(self, low: float, high: float) -> Field:
        """Brightness (R, R) of the strokes on top."""
        return low + (high - low) * self.tone[np.maximum(self.stroke, 0)]


def trace(
    canvas: Canvas,
    region: Field,
    direction: Field,
    count: int,
    length: Field | float,
    seed: int,
    *,
    jitter: float = 0.1,
    curl: float = 0.01,
) -> Layer:
    """Scatter `count` strokes over region (R, R) and trace them along direction (R, R, 3).

    region: share 0..1 of the strokes that start there. length: metres, one or a map (R, R). seed:
    the layout. jitter, curl: standard deviations of the turn at the root, radians, and of the turn
    per step of half a texel.
    """
    generator = np.random.default_rng(seed)
    columns, rows = _scatter(canvas, region, count, generator)
    n = len(columns)
    row, column = rows.astype(np.int32), columns.astype(np.int32)
    base = length[row, column] if isinstance(length, np.ndarray) else np.full(n, length)
    lengths = (base * generator.uniform(0.65, 1.2, n)).astype(np.float32)
    shape = canvas.x.shape
    maps = np.full(shape, -1, np.int32), np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    bend = generator.normal(0, jitter, n), generator.normal(0, curl, n)
    starts = np.stack([columns, rows, lengths, *bend], 1).astype(np.float32)
    _trace(starts, canvas.jacobian, direction.astype(np.float32), canvas.inner, *maps)
    rank, tone = generator.permutation(n) / max(n, 1), generator.uniform(0, 1, n)
    root = canvas.position[row, column]
    values = (lengths, rank.astype(np.float32), tone.astype(np.float32))
    return Layer(*maps, *values, root, row, column)


def _scatter(
    canvas: Canvas, region: Field, count: int, generator: np.random.Generator
) -> tuple[Field, Field]:
    """Root texels, drawn over the mesh so that they do not depend on the resolution."""
    corners = canvas.vertices[canvas.faces]
    area = np.linalg.norm(
        np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]), axis=1
    )
    outer = canvas.vertex_skin[canvas.faces].min(1) > 0.5
    area = area * outer
    share = canvas.region_share(region)
    tries = int(count / max(share, 1e-3))
    triangle = np.searchsorted(np.cumsum(area) / area.sum(), generator.random(tries))
    triangle = np.minimum(triangle, len(area) - 1)
    a, b = generator.random(tries), generator.random(tries)
    flip = a + b > 1
    a, b = np.where(flip, 1 - a, a), np.where(flip, 1 - b, b)
    uv = canvas.corner_uv[triangle]
    point = uv[:, 0] + a[:, None] * (uv[:, 1] - uv[:, 0]) + b[:, None] * (uv[:, 2] - uv[:, 0])
    size = canvas.resolution
    columns, rows = point[:, 0] * size, (1 - point[:, 1]) * size
    x, y = (np.clip(v, 1, size - 2).astype(np.float32) for v in (columns, rows))
    kept = region[y.astype(int), x.astype(int)] > generator.random(tries)
    return x[kept], y[kept]


@numba.njit(cache=True)
def _trace(starts, jacobian, direction, inner, stroke, cover, along):  # type: ignore[no-untyped-def]
    size = inner.shape[0]
    for s in range(starts.shape[0]):
        x, y, length, turn, curl = starts[s]
        done = 0.0
        while done < length:
            i, j = int(y), int(x)
            if j < 1 or i < 1 or j >= size - 2 or i >= size - 2 or not inner[i, j]:
                break
            u, v = 0.0, 0.0
            for k in range(3):
                u += jacobian[i, j, 0, k] * direction[i, j, k]
                v += jacobian[i, j, 1, k] * direction[i, j, k]
            c, sn = math.cos(turn), math.sin(turn)
            u, v = u * c - v * sn, u * sn + v * c
            turn += curl
            speed = math.sqrt(u * u + v * v)
            if speed < 1e-6:
                break
            stride = 0.5 / speed
            share = done / length
            opacity = min(1.0, (1 - share) * 2.2) * min(1.0, share * 6 + 0.4)
            fx, fy = x - 0.5, y - 0.5
            ix, iy = math.floor(fx), math.floor(fy)
            fx, fy = fx - ix, fy - iy
            for q in range(2):
                for p in range(2):
                    w = opacity * (fx if p else 1 - fx) * (fy if q else 1 - fy)
                    if w > cover[iy + q, ix + p]:
                        cover[iy + q, ix + p] = w
                        stroke[iy + q, ix + p] = s
                        along[iy + q, ix + p] = done
            x += u * stride
            y += v * stride
            done += stride
