"""Long hair: where a texture paints hair over the ears, they sink and hair hangs down the back."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.sparse.linalg import splu
from scipy.spatial import cKDTree

from clipface_cli.geometry.neighbours import adjacency
from clipface_cli.geometry.vectors import Array

ROOT_HEIGHT = 0.045  # metres above the eyes, where hanging hair leaves the head
LENGTH = 0.235  # metres
THICKNESS = 0.006  # metres
OVERLAP, BACK = 0.002, 0.3  # metres by which the sides cross behind; share of columns so drawn
AXIS = -0.075  # depth of the head's vertical axis, metres
TURNS = np.radians(np.linspace(180, 64, 40))  # columns of each side, from the back to the front
ROWS = 28
SWELL, SWELL_AT, SWELL_FRONT = 0.015, 0.22, 0.6  # metres outward, from which share of the length
FLARE, ROOT_SUNK = 0.004, 0.002  # metres further out at the ends; roots lie below the surface
WAVES = ((0.0022, 29, 5, 1), (0.0030, 11, -9, 0))  # metres; turns across, down, and by side
FORWARD, FORWARD_WAVE = 0.020, 0.004  # metres by which front locks come forward at their ends
THIN_FRONT = 0.7  # share of the thickness that front locks lack
TURN_LENGTH = 0.08  # metres that a radian counts for when the nearest vertices are sought
_FOLLOW = 0.015  # metres below the roots in which hair ceases to follow the scalp's texture
_HAIRLINE = np.radians(72)  # turn before which a temple may be bare
_DRAWN = 0.06  # share of its length by which it moves on there: texels are drawn out to threads


@dataclass(frozen=True)
class Tresses:
    """Two curtains of hair, left and right; K vertices in all, P places on the head."""

    ears: NDArray[np.int64]  # (N,) vertices that hair can cover
    ear_rim: NDArray[np.int64]  # (M,) vertices around them
    flatten: Array  # (N, M) positions of the covered ears from their rim
    anchors: sp.csr_matrix  # (columns of both sides, V1)
    uv: NDArray[np.float32]  # (K, 2)
    faces: NDArray[np.int32]  # (F, 3) into the K vertices


def plan_tresses(faces: Array, uv: Array, uv_faces: Array, rest: Array, masks: Array) -> Tresses:
    """Plan on template vertices (V1,3); `masks` are the ears and the scalp (2,V1)."""
    ears = masks[0] > 0.1
    graph = adjacency(faces, len(rest))
    rim = (graph @ ears > 0) & ~ears
    degree = sp.diags(np.asarray(graph.sum(axis=1)).ravel())
    flatten = np.zeros((0, 0))
    if ears.any():
        factors = splu((degree - graph)[ears][:, ears].tocsc())
        # One by one: for many, BLAS takes all cores, and waits for them where others compute.
        sides = graph[rim][:, ears].toarray()
        flatten = np.stack([factors.solve(side) for side in sides], axis=1)
    bare = rest.copy()
    bare[ears] = flatten @ rest[rim]
    anchors, patches = [], []
    for side in (1, -1):
        near = (masks.max(axis=0) > 0.1) & (side * rest[:, 0] > -1e-4)
        anchors.append(_interpolate(bare, near, side, np.full(len(TURNS), ROOT_HEIGHT), TURNS))
        patches.append(_drawn_uv(bare, near, side, faces, uv[uv_faces]))
    grid = _curtain_faces()
    count = len(patches[0])
    return Tresses(
        ears=np.flatnonzero(ears),
        ear_rim=np.flatnonzero(rim),
        flatten=flatten,
        anchors=sp.vstack(anchors).tocsr(),
        uv=np.concatenate(patches).astype(np.float32),
        faces=np.concatenate([grid, grid[:, ::-1] + count]).astype(np.int32),
    )


def cover_ears(tresses: Tresses, points: Array, amount: float) -> Array:
    """Sink the ears of (V1,3) points by `amount` 0..1 into a smooth skin over their rim."""
    points = points.copy()
    flat = tresses.flatten @ points[tresses.ear_rim]
    points[tresses.ears] += amount * (flat - points[tresses.ears])
    return points


def hang(tresses: Tresses, points: Array, amount: float) -> Array:
    """Curtain vertices (K,3) on a posed head; all in one place inside it when `amount` is 0."""
    roots = (tresses.anchors @ points).reshape(2, len(TURNS), 3)
    if amount <= 0:
        return np.broadcast_to(roots.mean(axis=(0, 1)), (len(tresses.uv), 3))
    centre = roots.mean(axis=(0, 1)) * (1, 0, 1)
    sides = []
    for side, root in zip((1, -1), roots, strict=True):
        aside = root * (1, 0, 1) - centre
        aside /= np.linalg.norm(aside, axis=1, keepdims=True)
        layers = [_sheet(root, aside, side, inner) for inner in (0.0, 1.0)]
        layers[1] = layers[1][:, ::-1]
        sides.append(np.concatenate(layers, axis=1).reshape(-1, 3))
    return np.concatenate(sides)


def columns() -> NDArray[np.int64]:
    """Row of `anchors` (K,) at which each curtain vertex hangs."""
    count = len(TURNS)
    there = np.arange(count)
    row = np.concatenate([there, there[::-1]])
    return np.concatenate([np.tile(row, ROWS), np.tile(row + count, ROWS)])


def outer_layer() -> NDArray[np.int64]:
    """Curtain vertices (2, ROWS, columns) on the outside: of each side, down, to the front."""
    count = 2 * len(TURNS)
    return np.arange(2 * ROWS * count).reshape(2, ROWS, count)[:, :, : len(TURNS)]


def _sheet(root: Array, aside: Array, side: int, inner: float) -> Array:
    """One layer (ROWS, columns, 3) falling from its roots, waved, drawn forward at the front.

    Behind, it is drawn to the middle, so that no gap is left between the sides.
    """
    t = np.linspace(0, 1, ROWS)[:, None]
    column = np.arange(len(root))[None] / len(root)
    out_at = 1 - np.exp(-((t / SWELL_AT) ** 2))
    swell = SWELL * out_at * (1 - SWELL_FRONT * column**4) + FLARE * t - ROOT_SUNK
    wave = sum(
        height * np.sin(across * column + down * t + turn * side)
        for height, across, down, turn in WAVES
    )
    out = (
        swell
        + wave * np.minimum(1, 3 * t) ** 2
        - inner * THICKNESS * np.minimum(1, 5 * t) * (1 - THIN_FRONT * column**6)
    )
    forward = (FORWARD * t + FORWARD_WAVE * np.sin(7 * t + side) * t) * column**3
    sheet = root[None] + aside[None] * out[..., None]
    sheet[..., 1] -= LENGTH * t
    sheet[..., 2] += forward
    beyond = side * sheet[:, :1, 0] + OVERLAP
    sheet[..., 0] -= side * beyond * np.clip(1 - column / BACK, 0, 1) ** 2
    return np.asarray(sheet)


def _interpolate(
    rest: Array, near: Array, side: int, heights: Array, turns: Array
) -> sp.csr_matrix:
    """(N,V1) weights of the four `near` vertices closest in height and turn about the axis."""
    index = np.flatnonzero(near if near.sum() >= 4 else np.ones(len(rest), bool))
    x, y, z = rest[index].T

    def chart(height: Array, turn: Array) -> Array:
        return np.stack([height, TURN_LENGTH * turn], axis=-1)

    places = chart(y, np.arctan2(side * x, z - AXIS))
    return nearest_four(places, chart(heights, turns), 1e-4, index, len(rest))


def nearest_four(
    places: Array, wanted: Array, softness: float, index: Array, width: int
) -> sp.csr_matrix:
    """(N, width) weights of the four `places` (M, D) closest to each of `wanted` (N, D).

    They fall with the squared distance, `softness` added; place m is column `index[m]`.
    """
    distance, found = cKDTree(places).query(wanted, k=4)
    weights = 1 / (distance + softness) ** 2
    return sparse_rows(index[found], weights / weights.sum(axis=1, keepdims=True), width)


def sparse_rows(index: Array, weights: Array, width: int) -> sp.csr_matrix:
    """(N, width) of N rows with `weights` (N, k) at the columns `index` (N, k)."""
    count, each = index.shape
    starts = np.arange(count + 1) * each
    return sp.csr_matrix((weights.ravel(), index.ravel(), starts), shape=(count, width))


def _drawn_uv(rest: Array, hairy: Array, side: int, faces: Array, corner_uv: Array) -> Array:
    """UVs (ROWS * 2 columns, 2): hanging hair goes on where it leaves the scalp, drawn out.

    A polynomial fitted to the scalp around the roots: single vertices would make it wavy.
    """
    own = side * rest[faces].mean(axis=1)[:, 0] > 0
    vertex_uv = np.full((len(rest), 2), np.nan)
    vertex_uv[faces[own]] = corner_uv[own]
    height, turn = rest[:, 1], np.arctan2(side * rest[:, 0], rest[:, 2] - AXIS)
    near = hairy & ~np.isnan(vertex_uv[:, 0]) & (turn > TURNS[-1] - 0.2)
    near &= np.abs(height - 0.03) < 0.03
    known = _powers(height[near], turn[near])
    fitted = np.linalg.lstsq(known, vertex_uv[near], rcond=None)[0]
    fall = LENGTH * np.linspace(0, 1, ROWS)
    path = ROOT_HEIGHT - _FOLLOW * (1 - np.exp(-fall / _FOLLOW)) - _DRAWN * fall
    heights, turns = np.meshgrid(path, np.maximum(TURNS, _HAIRLINE), indexing="ij")
    rows = (_powers(heights.ravel(), turns.ravel()) @ fitted).reshape(ROWS, -1, 2)
    return np.concatenate([rows, rows[:, ::-1]], axis=1).reshape(-1, 2)


def _powers(height: Array, turn: Array) -> Array:
    """(N, 10) products of powers of heights in decimetres and turns, up to the third."""
    h, t = 10 * height, turn - 2
    return np.stack([h**i * t**j for i in range(4) for j in range(4 - i)], axis=1)


def _curtain_faces() -> Array:
    """Triangles of the left curtain: rows of an outer layer, then the inner one back again."""
    columns = 2 * len(TURNS)
    row, column = np.meshgrid(np.arange(ROWS - 1), np.arange(columns - 1), indexing="ij")
    a = (row * columns + column).ravel()
    b, c, d = a + 1, a + columns, a + columns + 1
    return np.concatenate([np.stack([a, b, c], axis=1), np.stack([b, d, c], axis=1)])
