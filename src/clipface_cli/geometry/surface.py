"""A triangle mesh that can be asked for its points nearest to others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clipface_cli.geometry import vertex_normals

Floats: TypeAlias = NDArray[np.float64]
Ints: TypeAlias = NDArray[np.int64]

TINY = 1e-30  # least divisor: triangles and edges of no size give finite weights
_LEAST_AREA = 1e-14  # m^2, twice the area; smaller triangles get no samples
_ON_EDGE = 1e-3  # weight of a corner below which a point counts as on the edge opposite
_SPACING = 1.5  # between samples, in median longest edges

NORMAL_REACH = 0.02  # metres that a turn of the normal by 60 degrees counts for
CANDIDATES = 6  # samples of the surface looked at for each point
CHUNK = 4096  # points at a time, so that they stay in the processor's cache
FINEST = 12  # samples along the edge of a long triangle


@dataclass
class Nearest:
    """Of N points: triangle (N,) and weights (N, 3) of its corners, points (N, 3), distance (N,).

    agreement (N,): cosine between the normals, 1 where none were given. edge (N,): whether the
    point lies on the border of an open surface.
    """

    triangle: Ints
    weights: Floats
    points: Floats
    distance: Floats
    agreement: Floats
    edge: NDArray[np.bool_]

    @classmethod
    def empty(cls, count: int) -> Nearest:
        """Room for `count` points."""
        zero = np.zeros(count)
        corners = np.zeros((count, 3))
        return cls(
            np.zeros(count, np.int64), corners, corners.copy(), zero, zero.copy(), zero.astype(bool)
        )

    def put(self, rows: Ints, part: Nearest) -> None:
        """Write what was found for some of the points."""
        for name in ("triangle", "weights", "points", "distance", "agreement", "edge"):
            getattr(self, name)[rows] = getattr(part, name)

    def carry(self, faces: Ints, values: NDArray[Any]) -> Floats:
        """Values (V, ...) of vertices at the nearest points (N, ...)."""
        corners = values[faces[self.triangle]]
        weights = self.weights.reshape(*self.weights.shape, *([1] * (values.ndim - 1)))
        carried: Floats = (corners * weights).sum(1)
        return carried


class Surface:
    """vertices (V, 3) in metres, faces (F, 3); triangles without area are never the nearest."""

    def __init__(self, vertices: NDArray[Any], faces: NDArray[Any]) -> None:
        from scipy.spatial import cKDTree

        self.vertices, self.faces = vertices.astype(np.float64), faces.astype(np.int64)
        self.corners = self.vertices[self.faces]
        across = np.cross(
            self.corners[:, 1] - self.corners[:, 0], self.corners[:, 2] - self.corners[:, 0]
        )
        area = np.linalg.norm(across, axis=1)
        self.normals = across / np.maximum(area, TINY)[:, None]
        self.open = _open_edges(self.faces)
        points, self._owner = _samples(self.corners, area > _LEAST_AREA)
        self._features = np.concatenate([points, NORMAL_REACH * self.normals[self._owner]], 1)
        self._tree = cKDTree(self._features)
        self._places = cKDTree(points)

    def vertex_normals(self) -> Floats:
        """Unit normals (V, 3), zero where a vertex has no area."""
        return vertex_normals(self.vertices, self.faces)

    def nearest(self, points: NDArray[Any], normals: NDArray[Any] | None = None) -> Nearest:
        """The surface's points nearest to `points` (N, 3); with normals, those that face alike."""
        found = Nearest.empty(len(points))
        for first in range(0, len(points), CHUNK):
            rows = np.arange(first, min(first + CHUNK, len(points)))
            found.put(rows, self._nearest(points[rows], None if normals is None else normals[rows]))
        return found

    def _nearest(self, points: NDArray[Any], normals: NDArray[Any] | None) -> Nearest:
        count = min(CANDIDATES, len(self._owner))
        if normals is None:
            _, index = self._places.query(points, count)
        else:
            _, index = self._tree.query(np.concatenate([points, NORMAL_REACH * normals], 1), count)
        owner = self._owner[index.reshape(len(points), count)]
        weights = _closest(points[:, None], self.corners[owner])
        found = (self.corners[owner] * weights[..., None]).sum(2)
        cost = np.square(found - points[:, None]).sum(2)
        if normals is not None:
            turned = np.square(self.normals[owner] - normals[:, None]).sum(2)
            cost = cost + NORMAL_REACH**2 * turned
        row, best = np.arange(len(points)), cost.argmin(1)
        triangle, hit = owner[row, best], found[row, best]
        weights = weights[row, best]
        agreement = np.ones(len(points))
        if normals is not None:
            agreement = (self.normals[triangle] * normals).sum(1)
        edge = (self.open[triangle] & (weights < _ON_EDGE)).any(1)
        return Nearest(
            triangle, weights, hit, np.linalg.norm(hit - points, axis=1), agreement, edge
        )


def _open_edges(faces: Ints) -> NDArray[np.bool_]:
    """(F, 3) whether the edge opposite each corner has no other triangle."""
    edges = np.sort(np.stack([faces[:, [1, 2]], faces[:, [2, 0]], faces[:, [0, 1]]], 1), 2)
    key = edges[..., 0] * (faces.max() + 1) + edges[..., 1]
    _, inverse, count = np.unique(key, return_inverse=True, return_counts=True)
    border: NDArray[np.bool_] = (count[inverse] == 1).reshape(-1, 3)
    return border


def _samples(corners: Floats, usable: NDArray[np.bool_]) -> tuple[Floats, Ints]:
    """Points all over the triangles, more of them on long ones, and whose triangle each is on."""
    longest = np.linalg.norm(corners - np.roll(corners, 1, axis=1), axis=2).max(1)
    spacing = _SPACING * np.median(longest[usable]) if usable.any() else 1.0
    pieces = np.clip(np.ceil(longest / spacing), 1, FINEST).astype(int)
    points, owners = [], []
    for count in np.unique(pieces[usable]):
        owner = np.flatnonzero(usable & (pieces == count))
        weights = _grid(int(count))
        points.append(np.einsum("kc,fcx->fkx", weights, corners[owner]).reshape(-1, 3))
        owners.append(np.repeat(owner, len(weights)))
    return np.concatenate(points), np.concatenate(owners)


def _grid(count: int) -> Floats:
    """Weights (K, 3) of the centres of the small triangles that `count` cuts of an edge make."""
    upright = [(i + 1 / 3, j + 1 / 3) for i in range(count) for j in range(count - i)]
    turned = [(i + 2 / 3, j + 2 / 3) for i in range(count) for j in range(count - i - 1)]
    two = np.array(upright + turned) / count
    return np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)


def plane_weights(points: Floats, corners: Floats) -> Floats:
    """Barycentric weights (..., 3) of points (..., 3) dropped on the planes of triangles.

    corners: (..., 3, 3) of the triangles. Outside of a triangle weights lie beyond 0..1.
    """
    a, b, c = np.moveaxis(corners, -2, 0)
    ab, ac, ap = b - a, c - a, points - a
    d00, d01, d11 = (ab * ab).sum(-1), (ab * ac).sum(-1), (ac * ac).sum(-1)
    d20, d21 = (ap * ab).sum(-1), (ap * ac).sum(-1)
    area = np.maximum(d00 * d11 - d01 * d01, TINY)
    v, w = (d11 * d20 - d01 * d21) / area, (d00 * d21 - d01 * d20) / area
    return np.stack([1 - v - w, v, w], -1)


def _closest(points: Floats, corners: Floats) -> Floats:
    """Weights (..., 3) of the point of each triangle (..., 3, 3) nearest to points (..., 3)."""
    inside = plane_weights(points, corners)
    best, least = inside, np.where((inside >= 0).all(-1), -1.0, np.inf)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        start, way = corners[..., first, :], corners[..., second, :] - corners[..., first, :]
        t = ((points - start) * way).sum(-1) / np.maximum((way * way).sum(-1), TINY)
        t = np.clip(t, 0, 1)
        apart = np.square(points - start - t[..., None] * way).sum(-1)
        on_edge = np.zeros_like(inside)
        on_edge[..., first], on_edge[..., second] = 1 - t, t
        nearer = apart < least
        best = np.where(nearer[..., None], on_edge, best)
        least = np.where(nearer, apart, least)
    return best
