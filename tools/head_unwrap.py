"""Unwrap the skin (a disk) onto a rectangle so that chosen regions get more of the texture.

A Tutte embedding gives a start without flipped triangles; minimising the symmetric Dirichlet
energy towards a target metric (each triangle's 3D shape times its wanted magnification) keeps it
so. Minimised by iteratively reweighted least squares (scalable locally injective maps).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import coo_matrix, csc_matrix
from scipy.sparse.linalg import factorized, spsolve


def unwrap(
    rest: np.ndarray,
    faces: np.ndarray,
    border: np.ndarray,
    border_uv: np.ndarray,
    iterations: int = 80,
) -> np.ndarray:
    """UV (V, 2) of a disk; rest (F, 3, 2) is each triangle's wanted shape, scaled to fill."""
    area = np.abs(cross(rest[:, 1], rest[:, 2])) / 2
    ratio = _polygon_area(border_uv) / area.sum()
    uv = _tutte(faces.max() + 1, faces, border, border_uv)
    free = np.setdiff1d(np.arange(len(uv)), border)
    return _minimise(uv, faces, rest * np.sqrt(ratio), area * ratio, free, iterations)


def flatten(vertices: np.ndarray, faces: np.ndarray) -> np.ndarray:
    """Each triangle laid into the plane, first corner at the origin: (F, 3, 2)."""
    first, second, third = (vertices[faces[:, k]] for k in range(3))
    along = second - first
    length = np.linalg.norm(along, axis=1)
    across = third - first
    x = (across * along).sum(1) / length
    y = np.linalg.norm(np.cross(along, across), axis=1) / length
    flat = np.zeros((len(faces), 3, 2))
    flat[:, 1, 0], flat[:, 2, 0], flat[:, 2, 1] = length, x, y
    return flat


def cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """z of the cross product of planar vectors (N, 2)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]


def _polygon_area(points: np.ndarray) -> float:
    return float(abs(cross(points, np.roll(points, -1, 0)).sum()) / 2)


def _tutte(count: int, faces: np.ndarray, border: np.ndarray, border_uv: np.ndarray) -> np.ndarray:
    """Every inner vertex at the mean of its neighbours: no flip inside a convex border."""
    ends = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    ends = np.concatenate([ends, ends[:, ::-1]])
    links = coo_matrix((np.ones(len(ends)), ends.T), (count, count)).tocsr()
    links.data[:] = 1
    laplacian = csc_matrix(coo_matrix((links.sum(1).A1, (range(count),) * 2))) - links
    inner = np.setdiff1d(np.arange(count), border)
    uv = np.zeros((count, 2))
    uv[border] = border_uv
    solve = factorized(csc_matrix(laplacian[inner][:, inner]))
    right = -(laplacian[inner][:, border] @ border_uv)
    uv[inner] = np.stack([solve(right[:, k]) for k in range(2)], 1)
    return uv


def _minimise(
    uv: np.ndarray,
    faces: np.ndarray,
    rest: np.ndarray,
    area: np.ndarray,
    free: np.ndarray,
    iterations: int,
) -> np.ndarray:
    edges = np.stack([rest[:, 1] - rest[:, 0], rest[:, 2] - rest[:, 0]], 2)
    inverse = np.linalg.inv(edges)
    weights = np.stack([-inverse.sum(1), inverse[:, 0], inverse[:, 1]], 1)  # J = sum uv_i weights_i
    unknown = np.concatenate([free, free + len(uv)])
    value = _energy(uv, faces, weights, area)
    for _ in range(iterations):
        minimum = _proxy_minimum(uv, faces, weights, area, unknown)
        direction = minimum - uv
        step = _largest_step(uv, direction, faces)
        while (after := _energy(uv + step * direction, faces, weights, area)) > value:
            step *= 0.7
            if step < 1e-10:
                return uv
        uv = uv + step * direction
        if value - after < 1e-7 * value:
            break
        value = after
    return uv


def _jacobians(uv: np.ndarray, faces: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return np.einsum("fic,fia->fca", uv[faces], weights)


def _proxy_minimum(
    uv: np.ndarray, faces: np.ndarray, weights: np.ndarray, area: np.ndarray, unknown: np.ndarray
) -> np.ndarray:
    """Minimiser of the reweighted quadratic sum_f A ||W (J - R)||^2 over the free coordinates."""
    left, stretch, right = np.linalg.svd(_jacobians(uv, faces, weights))
    rotation = left @ right
    apart = np.where(np.abs(stretch - 1) < 1e-4, 1.0, stretch - 1)
    strength = np.where(np.abs(stretch - 1) < 1e-4, 4.0, (stretch - stretch**-3) / apart)
    metric = left @ (strength[:, :, None] * left.transpose(0, 2, 1)) * area[:, None, None]
    count = len(uv)
    block = np.einsum("fcd,fia,fja->ficjd", metric, weights, weights)
    index = faces[:, :, None] + count * np.arange(2)  # (F, 3, 2)
    rows = np.broadcast_to(index[:, :, :, None, None], block.shape).ravel()
    columns = np.broadcast_to(index[:, None, None, :, :], block.shape).ravel()
    matrix = csc_matrix(coo_matrix((block.ravel(), (rows, columns)), (2 * count, 2 * count)))
    right_side = np.zeros(2 * count)
    np.add.at(right_side, index, np.einsum("fcd,fda,fia->fic", metric, rotation, weights))
    flat = uv.T.ravel().copy()
    fixed = flat.copy()
    fixed[unknown] = 0
    residual = (right_side - matrix @ fixed)[unknown]
    flat[unknown] = spsolve(matrix[unknown][:, unknown], residual)
    return flat.reshape(2, count).T


def _energy(uv: np.ndarray, faces: np.ndarray, weights: np.ndarray, area: np.ndarray) -> float:
    """Symmetric Dirichlet energy; infinite where a triangle is flipped."""
    jacobian = _jacobians(uv, faces, weights)
    determinant = np.linalg.det(jacobian)
    if determinant.min() <= 0:
        return float("inf")
    return float((area * (jacobian**2).sum((1, 2)) * (1 + determinant**-2)).sum())


def _largest_step(uv: np.ndarray, direction: np.ndarray, faces: np.ndarray) -> float:
    """Nine tenths of the step (at most 1) at which the first triangle would degenerate."""
    p, d = uv[faces], direction[faces]
    e1, e2 = p[:, 1] - p[:, 0], p[:, 2] - p[:, 0]
    d1, d2 = d[:, 1] - d[:, 0], d[:, 2] - d[:, 0]
    c, b, a = cross(e1, e2), cross(e1, d2) + cross(d1, e2), cross(d1, d2)
    root = b * b - 4 * a * c
    with np.errstate(all="ignore"):
        q = -0.5 * (b + np.copysign(np.sqrt(np.maximum(root, 0)), b))
        candidates = np.concatenate([(q / a)[root >= 0], (c / q)[root >= 0]])
    positive = candidates[(candidates > 1e-14) & np.isfinite(candidates)]
    return min(1.0, 0.9 * float(positive.min())) if len(positive) else 1.0
