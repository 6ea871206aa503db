"""One Loop subdivision step as a sparse matrix, so that a fixed topology costs one product."""

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray


def unique_edges(
    faces: NDArray[np.int64],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
    """Undirected edges (E,2), edge of each corner k -> k+1 as (F,3), faces per edge (E,)."""
    ahead = np.roll(faces, -1, axis=1)
    size = int(faces.max(initial=0)) + 1
    keys = np.minimum(faces, ahead).astype(np.int64) * size + np.maximum(faces, ahead)
    keys, index, count = np.unique(keys.ravel(), return_inverse=True, return_counts=True)
    return np.stack(np.divmod(keys, size), axis=1), index.reshape(-1, 3), count


def subdivide_faces(faces: NDArray[np.int64], vertices: int) -> NDArray[np.int64]:
    """Split each triangle of (F,3) in four, (4F,3); edge midpoints are numbered from `vertices`.

    The order depends on the corner order alone, so positions and UVs stay parallel.
    """
    mid = vertices + unique_edges(faces)[1]
    a, b, c = faces.T
    ab, bc, ca = mid.T
    return np.concatenate(
        [
            np.stack(triangle, axis=1)
            for triangle in ((a, ab, ca), (b, bc, ab), (c, ca, bc), (ab, bc, ca))
        ]
    )


def midpoint_matrix(faces: NDArray[np.int64], vertices: int) -> sp.csr_matrix:
    """(V+E,V) matrix that keeps the vertices and adds edge midpoints: linear subdivision."""
    edges, _, _ = unique_edges(faces)
    new = vertices + np.arange(len(edges))
    rows = np.concatenate([np.arange(vertices), new, new])
    cols = np.concatenate([np.arange(vertices), edges[:, 0], edges[:, 1]])
    weights = np.concatenate([np.ones(vertices), np.full(2 * len(edges), 0.5)])
    return sp.csr_matrix((weights, (rows, cols)), shape=(vertices + len(edges), vertices))


def loop_matrix(faces: NDArray[np.int64], vertices: int) -> sp.csr_matrix:
    """(V+E,V) Loop subdivision matrix (Loop 1987, Warren's vertex weights, crease rule at borders).

    Edges with other than two faces are borders. Unused vertices keep their place.
    """
    edges, corner_edge, count = unique_edges(faces)
    border = count != 2
    on_border = np.zeros(vertices, bool)
    on_border[edges[border]] = True
    new = vertices + np.arange(len(edges))
    rows, cols, weights = [], [], []

    def add(row: NDArray[np.int64], col: NDArray[np.int64], weight: NDArray[np.float64]) -> None:
        rows.append(row)
        cols.append(col)
        weights.append(weight)

    for end in range(2):
        add(new, edges[:, end], np.where(border, 0.5, 0.375))
    opposite = np.roll(faces, -2, axis=1)
    inner = ~border[corner_edge]
    add(new[corner_edge[inner]], opposite[inner], np.full(int(inner.sum()), 0.125))

    valence = np.bincount(edges.ravel(), minlength=vertices)
    beta = np.where(valence == 3, 3 / 16, 3 / (8 * np.maximum(valence, 1)))
    centre = np.where(on_border, 0.75, 1 - beta * valence)
    add(np.arange(vertices), np.arange(vertices), np.where(valence == 0, 1.0, centre))
    for a, b in ((0, 1), (1, 0)):
        smooth = ~on_border[edges[:, a]]
        add(edges[smooth, a], edges[smooth, b], beta[edges[smooth, a]])
        add(edges[border, a], edges[border, b], np.full(int(border.sum()), 0.125))
    matrix = sp.csr_matrix(
        (np.concatenate(weights), (np.concatenate(rows), np.concatenate(cols))),
        shape=(vertices + len(edges), vertices),
    )
    return sp.diags(1 / np.asarray(matrix.sum(axis=1)).ravel()) @ matrix
