"""Strands of long hair: over the scalp from their roots, then down the outside of the tresses.

They give hanging hair its threads and lie over the line at which it leaves the head.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from clipface_cli.geometry.vectors import Array, units
from clipface_cli.portrait._shading import shade_roots
from clipface_cli.portrait.curves import Curves
from clipface_cli.portrait.scene import HAIR, NORMAL, POSITION, Scene
from clipface_cli.portrait.tresses import (
    AXIS,
    ROOT_HEIGHT,
    ROWS,
    TURNS,
    nearest_four,
    outer_layer,
    sparse_rows,
)

STRANDS, LOCKS = 13000, 420  # locks: strands that stay together
ON_HEAD = 9  # points of a strand over the scalp
RADIUS = 0.08  # metres from the head's axis to where hair leaves it
MIDDLE = np.array([0.0, 0.030, -0.075])  # of the skull, metres from between the eyes
COMBED = np.array([0.0, 0.9, -0.44])  # unit direction from there by which hair in front is combed
SWEPT = 0.35  # share of their turn to the front by which strands there end further back
LIFT, BODY = 0.0010, 0.0025  # metres above the surface at least, and more for the topmost
DEPTHS = 0.5  # brightness of the lowest strands
SWAY = 1.0  # columns by which locks swing aside at their ends
GATHERED = 0.7  # how far the ends of a lock come together
ALPHA, FADE = 0.55, 0.2
DEPTH_BIAS = 0.0015  # metres
NONE = Curves(np.zeros((0, 1, 3)), np.zeros(0), np.zeros((0, 1, 3)))
CREASE = slice(ON_HEAD - 3, ON_HEAD + 6)  # points around the line where hair leaves the head


@dataclass(frozen=True)
class LongStrands:
    """N strands on the V vertices of a posed head, those that lie lowest first.

    Attributes:
        over: (N * ON_HEAD, V) weights of points over the scalp, from the root down.
        down: (N * (ROWS - 1), V) weights of points down the tresses.
        lifts: (N,) metres above the surface.
        tones: (N,) brightness.
        lit: (L,) vertices whose light the strands take.
        triangles, corners: (L,), (L, 3) a triangle of each and its weights there.
    """

    over: sp.csr_matrix
    down: sp.csr_matrix
    lifts: NDArray[np.float32]
    tones: NDArray[np.float32]
    lit: NDArray[np.int64]
    triangles: NDArray[np.int64]
    corners: Array

    def along(self, values: Array) -> Array:
        """Values (V, C) of the vertices at the P points of each strand (N, P, C)."""
        shape = (len(self.tones), -1, values.shape[1])
        parts = [(part @ values).reshape(shape) for part in (self.over, self.down)]
        return np.concatenate(parts, axis=1)


def plan_long_strands(head: Array, scalp: Array, faces: Array, tresses: int) -> LongStrands:
    """Plan on a head's points (V1, 3) at rest and the mask of its scalp (V1,).

    `faces` (F, 3) are of all vertices of a posed head; its last `tresses` are hanging hair.
    """
    rng = np.random.default_rng(11)
    vertices = int(faces.max()) + 1
    grown = np.flatnonzero((scalp > 0.3) & (head[:, 1] > ROOT_HEIGHT + 0.003))
    count = STRANDS if len(grown) else 0
    roots = head[rng.choice(grown, count)] + rng.normal(0, 0.003, (count, 3))
    roots = roots[roots[:, 1].argsort()]
    side = np.where(roots[:, 0] + rng.normal(0, 0.002, count) > 0, 1, -1)
    turn = np.arctan2(side * roots[:, 0], roots[:, 2] - AXIS)
    front = np.clip(1 - turn / TURNS[-1], 0, 1)
    back = TURNS[-1] * (1 + SWEPT * front * rng.uniform(0.3, 1.7, count))
    turn = np.where(front > 0, back, turn) + rng.normal(0, 0.05, count)
    column = np.interp(turn, TURNS[::-1], np.arange(len(TURNS))[::-1])
    lock = _locks(side, column)
    crossed = _swaying(column, lock, rng)
    over = _over_the_head(vertices, head, scalp > 0.1, _arcs(roots, front, side, turn))
    down = _down_the_tresses(vertices, vertices - tresses + outer_layer(), side, crossed)
    lit = np.union1d(over.indices, down.indices)
    seen, place = np.unique(faces, return_index=True)
    place = place[np.searchsorted(seen, lit)]
    rise = 0.6 * rng.uniform(0, 1, LOCKS)[lock] + 0.4 * rng.uniform(0, 1, count)
    tones = (DEPTHS + (1 - DEPTHS) * rise) * rng.uniform(0.8, 1.2, LOCKS)[lock]
    tones *= rng.uniform(0.7, 1.3, count)
    lifts = LIFT + BODY * rise
    return LongStrands(
        over.astype(np.float32),
        down.astype(np.float32),
        lifts.astype(np.float32),
        tones.astype(np.float32),
        lit,
        place // 3,
        np.eye(3)[place % 3],
    )


class Planned(Protocol):
    """A head whose long strands are planned, at the latest when first asked for."""

    @property
    def long_strands(self) -> LongStrands: ...


def comb(fixed: Planned, scene: Scene) -> Curves:
    """Strands in studio space, lit and coloured as the hair below them; none where it is short."""
    long = scene.vertices[-1, HAIR]  # of the tresses
    if long <= 0:
        return NONE
    strands = fixed.long_strands
    count = len(strands.lit)
    shone, hair = shade_roots(strands.triangles, strands.corners, np.ones(count), scene)
    table = np.zeros((len(scene.vertices), 4), np.float32)
    table[strands.lit] = hair[:, None] * np.column_stack([shone, np.ones(count)])
    below = strands.along(table)
    colours, hair = below[..., :3] / (below[..., 3:] + 1e-6), below[:, 1:ON_HEAD, 3]
    ends = colours[:, CREASE][:, [0, -1]]
    t = np.linspace(0, 1, CREASE.stop - CREASE.start)[None, :, None]
    colours[:, CREASE] = ends[:, :1] * (1 - t) + ends[:, 1:] * t
    points = strands.along(scene.vertices[:, POSITION : POSITION + 3])
    points += strands.lifts[:, None, None] * strands.along(scene.vertices[:, NORMAL : NORMAL + 3])
    for _ in range(2):
        points[:, 1:-1] = (points[:, :-2] + 2 * points[:, 1:-1] + points[:, 2:]) / 4
    alphas = ALPHA * long * np.clip(2 * hair.min(axis=1) - 0.6, 0, 1)
    return Curves(points, alphas, strands.tones[:, None, None] * colours)


def _locks(side: Array, column: Array) -> NDArray[np.int64]:
    """The lock (N,) of each strand: those of one side whose columns are near."""
    lock = np.empty(len(side), np.int64)
    lock[np.lexsort([column, side])] = np.arange(len(side)) * LOCKS // max(len(side), 1)
    return lock


def _arcs(roots: Array, front: Array, side: Array, turn: Array) -> Array:
    """Directions (N, ON_HEAD, 3) from the skull's middle, from roots to where hair leaves it."""
    level = np.full(len(turn), ROOT_HEIGHT)
    out = np.stack([side * RADIUS * np.sin(turn), level, AXIS + RADIUS * np.cos(turn)], axis=1)
    start, end = units(roots - MIDDLE), units(out - MIDDLE)
    bend = 0.6 * front[:, None]
    middle = (1 - bend) * units(start + end) + bend * COMBED
    t = np.linspace(0, 1, ON_HEAD)[:, None]
    start, middle, end = start[:, None], units(middle)[:, None], end[:, None]
    return units((1 - t) ** 2 * start + 2 * t * (1 - t) * middle + t**2 * end)


def _over_the_head(count: int, head: Array, near: Array, arcs: Array) -> sp.csr_matrix:
    """(N * ON_HEAD, V = `count`) weights of the `near` vertices closest in direction."""
    index = np.flatnonzero(near)
    if not arcs.size:
        return sp.csr_matrix((0, count))
    places = units(head[index] - MIDDLE)
    return nearest_four(places, arcs.reshape(-1, 3), 0.01, index, count)


def _swaying(column: Array, lock: Array, rng: np.random.Generator) -> Array:
    """Columns (N, ROWS - 1) at which strands cross the rows of the tresses below the first."""
    t = np.linspace(0, 1, ROWS)[1:]
    middle = np.bincount(lock, column, LOCKS) / np.maximum(np.bincount(lock, minlength=LOCKS), 1)
    phase = rng.uniform(0, 2 * np.pi, (LOCKS, 1))[lock]
    loose = 0.35 * rng.normal(0, 1, (len(lock), 1))
    together = GATHERED * (middle[lock] - column)[:, None]
    swung = column[:, None] + t * (together + loose + SWAY * np.sin(phase + 5 * t))
    return np.asarray(np.clip(swung, 0, len(TURNS) - 1.001))


def _down_the_tresses(count: int, layer: Array, side: Array, columns: Array) -> sp.csr_matrix:
    """(N * (ROWS - 1), V) weights in a layer (2, ROWS, columns) of the V = `count` vertices."""
    left = columns.astype(int)
    share = columns - left
    half, row = (side < 0).astype(int)[:, None], np.arange(1, ROWS)
    corners = np.stack([layer[half, row, left], layer[half, row, left + 1]], axis=-1)
    weights = np.stack([1 - share, share], axis=-1)
    return sparse_rows(corners.reshape(-1, 2), weights.reshape(-1, 2), count)
