"""A plain crew-neck shirt grown from the lower border of the neck, so that no cut is seen."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from clipface_cli.geometry.jit import Array
from clipface_cli.geometry.subdivide import unique_edges

# rings of the shirt on the neck: height (1 at the collar's edge, 0 at the border), lift in metres
_COLLAR = ((1.0, 0.0002), (1.0, 0.0022), (0.93, 0.0034), (0.72, 0.0036), (0.68, 0.0028),
           (0.5, 0.0032), (0.0, 0.0050))  # fmt: skip
_SHOULDERS = (0.012, 0.030, 0.055, 0.085, 0.120)  # metres outward from the border
_STEEP, _STEEPER = 0.30, (0.75, 0.55)  # fall of the shoulders per metre; more in front, behind
_ROUND = 1.2  # and more with the square of the distance, 1/metre
_RINGS_UP = (6, 4)  # mesh rings from the border to the collar's edge, in front and behind
_RINGS_CLEAR = 3  # mesh rings above them over which hair begins to stand off the neck


@dataclass(frozen=True)
class Bust:
    """N columns of the shirt, from the template."""

    on_neck: sp.csr_matrix  # (len(_COLLAR) * N, V1) places on the neck below the shirt
    faces: NDArray[np.int32]  # (M, 3) into the shirt's own rings * N vertices
    free: NDArray[np.float32]  # (V1,) 0 on the neck that it covers, 1 well above


def plan_bust(faces: Array, rest: Array) -> Bust | None:
    """Plan the shirt on template vertices (V1,3); None where the head has no open neck."""
    rings = _neck_rings(faces, rest, max(_RINGS_UP) + 1 + _RINGS_CLEAR)
    if not rings:
        return None
    angle = _angles(rest, rings[0])
    columns = np.sort(angle)
    levels = [_ring_matrix(rest, ring, columns) for ring in rings]
    front = 0.5 + 0.5 * np.cos(columns)
    top = _RINGS_UP[1] + (_RINGS_UP[0] - _RINGS_UP[1]) * front
    count, blocks = len(columns), []
    even = sp.csr_matrix(np.mean([np.roll(np.eye(count), k, axis=1) for k in range(-3, 4)], axis=0))
    for height, _ in _COLLAR:
        level = height * top
        shares = [np.clip(1 - abs(level - k), 0, 1) for k in range(len(levels))]
        blocks.append(even @ sum(sp.diags(s) @ m for s, m in zip(shares, levels, strict=True)))
    free = np.ones(len(rest), np.float32)
    for k, ring in enumerate(rings):
        free[ring] = max(0, k - max(_RINGS_UP)) / (_RINGS_CLEAR + 1)
    faces = _grid(len(_COLLAR) + len(_SHOULDERS), count)
    return Bust(sp.vstack(blocks).tocsr(), faces, free)


def bust_points(bust: Bust, points: Array, normals: Array) -> Array:
    """Shirt vertices (rings * N, 3) on a posed head of (V1,3) points and normals."""
    lifts = np.array([lift for _, lift in _COLLAR])
    neck = (bust.on_neck @ points).reshape(len(lifts), -1, 3)
    outward = (bust.on_neck @ normals).reshape(len(lifts), -1, 3)
    collar = neck + outward * lifts[:, None, None]
    border = collar[-1]
    aside = (border - border.mean(axis=0)) * (1.0, 0.0, 1.0)
    aside = aside / np.linalg.norm(aside, axis=1, keepdims=True)
    front, back = _STEEPER
    steep = _STEEP + np.where(aside[:, 2] > 0, front, back) * aside[:, 2] ** 2
    rings = [collar]
    for reach in _SHOULDERS:
        drop = steep * reach + _ROUND * reach**2
        rings.append((border + aside * reach - drop[:, None] * (0.0, 1.0, 0.0))[None])
    return np.concatenate(rings).reshape(-1, 3)


def _neck_rings(faces: Array, rest: Array, count: int) -> list[Array]:
    """The lowest border loop of the mesh and the vertex rings above it; empty if it is closed."""
    edges, _, uses = unique_edges(faces)
    size = len(rest)

    def graph(pairs: Array) -> sp.csr_matrix:
        half = sp.csr_matrix((np.ones(len(pairs)), pairs.T), shape=(size, size))
        return half + half.T

    border = edges[uses == 1]
    if not len(border):
        return []
    _, label = sp.csgraph.connected_components(graph(border), directed=False)
    open_vertices = np.unique(border)
    lowest = open_vertices[rest[open_vertices, 1].argmin()]
    inside = label == label[lowest]
    rings, neighbours = [np.flatnonzero(inside)], graph(edges)
    for _ in range(count - 1):
        grown = inside | (neighbours @ inside > 0)
        rings.append(np.flatnonzero(grown & ~inside))
        inside = grown
    return rings if min(len(ring) for ring in rings) >= 8 else []


def _angles(rest: Array, ring: Array) -> Array:
    """Angle about the ring's vertical axis, 0 in front, positive to the head's left."""
    x, _, z = (rest[ring] - rest[ring].mean(axis=0)).T
    return np.asarray(np.arctan2(x, z))


def _ring_matrix(rest: Array, ring: Array, columns: Array) -> sp.csr_matrix:
    """(N,V1) weights that interpolate a vertex ring at the columns' angles."""
    angle = _angles(rest, ring)
    order = angle.argsort()
    ring, angle = ring[order], angle[order]
    after = np.searchsorted(angle, columns, side="right") % len(ring)
    before = after - 1
    full = 2 * np.pi
    span = (angle[after] - angle[before]) % full
    share = ((columns - angle[before]) % full) / np.where(span == 0, full, span)
    rows = np.arange(len(columns))
    weights = np.concatenate([1 - share, share])
    index = np.concatenate([rows, rows]), np.concatenate([ring[before], ring[after]])
    return sp.csr_matrix((weights, index), shape=(len(columns), len(rest)))


def _grid(rings: int, columns: int) -> NDArray[np.int32]:
    """Triangles of a closed strip of rings, counter-clockwise from outside."""
    ring, column = np.meshgrid(np.arange(rings - 1), np.arange(columns), indexing="ij")
    a = (ring * columns + column).ravel()
    b = (ring * columns + (column + 1) % columns).ravel()
    c, d = a + columns, b + columns
    triangles = np.concatenate([np.stack([a, c, b], 1), np.stack([b, c, d], 1)])
    return triangles.astype(np.int32)
