"""Neighbouring vertices of a triangle mesh: their graph, their means, and cavities."""

from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

SHARPEST_RIDGE, SHARPEST_GROOVE = -1.0, 1.5  # cavities are kept between these


def adjacency(faces: NDArray[np.integer], vertices: int) -> sp.csr_matrix:
    """(V, V) graph of faces (F, 3): 1 where two vertices share an edge, 0 elsewhere."""
    rows, cols = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    graph = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(vertices, vertices))
    return ((graph + graph.T) > 0).astype(float)


def vertex_average(faces: NDArray[np.integer], vertices: int) -> sp.csr_matrix:
    """(V, V) matrix that replaces each vertex value by the mean of its neighbours'.

    Vertices without neighbours keep their value. The identity less this is the uniform Laplacian.
    """
    return _row_means(adjacency(faces, vertices))


def half_edge_average(faces: NDArray[np.integer], vertices: int) -> sp.csr_matrix:
    """`vertex_average` over half edges: those that leave a vertex in the triangles' winding order.

    The same (V, V) matrix of faces (F, 3), but on the border of an open mesh, where each vertex
    lacks one of its neighbours.
    """
    rows, cols = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    graph = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(vertices, vertices))
    return _row_means(graph)


def _row_means(graph: sp.csr_matrix) -> sp.csr_matrix:
    """The graph with rows that sum to 1; empty rows become those of the identity."""
    degree = np.asarray(graph.sum(axis=1)).ravel()
    lonely = sp.diags((degree == 0).astype(float))
    return (sp.diags(1 / np.maximum(degree, 1)) @ graph + lonely).tocsr()


def cavity(
    points: NDArray[Any], normals: NDArray[Any], average: sp.csr_matrix, depth: float
) -> NDArray[np.float64]:
    """Concavity (V,) of points (V, 3) with unit normals (V, 3): positive in grooves.

    average: (V, V) neighbour means. depth: metres by which a vertex lies below the mean of its
    neighbours where the concavity is 1; it is clipped to -1 .. 1.5, then half smoothed.
    """
    hollow = ((average @ points - points) * normals).sum(axis=1) / depth
    hollow = np.clip(hollow, SHARPEST_RIDGE, SHARPEST_GROOVE)
    return np.asarray(0.5 * hollow + 0.5 * (average @ hollow))
