import numpy as np
from shapes import tetrahedron

from clipface_cli.geometry.subdivide import (
    loop_matrix,
    midpoint_matrix,
    subdivide_faces,
    unique_edges,
)


def test_loop_weights_are_affine_and_keep_a_plane_flat() -> None:
    points = np.random.default_rng(0).normal(size=(4, 3)) * (1, 1, 0)
    faces = np.array([[0, 1, 2], [0, 2, 3]])
    matrix = loop_matrix(faces, 4)
    np.testing.assert_allclose(np.asarray(matrix.sum(axis=1)).ravel(), 1)
    assert np.abs((matrix @ points)[:, 2]).max() == 0


def test_loop_rounds_a_closed_mesh_and_quadruples_its_faces() -> None:
    points, faces = tetrahedron()
    finer = subdivide_faces(faces, 4)
    assert finer.shape == (16, 3)
    assert finer.max() == 9
    radii = np.linalg.norm(loop_matrix(faces, 4) @ points, axis=1)
    assert radii.max() < np.linalg.norm(points, axis=1).max()


def test_border_vertices_follow_the_crease_rule() -> None:
    matrix = loop_matrix(np.array([[0, 1, 2]]), 3).toarray()
    np.testing.assert_allclose(matrix[0], [0.75, 0.125, 0.125])
    np.testing.assert_allclose(matrix[3:], midpoint_matrix(np.array([[0, 1, 2]]), 3).toarray()[3:])


def test_edges_come_once_and_sorted_with_the_corners_they_start_at() -> None:
    edges, corner_edge, count = unique_edges(np.array([[0, 1, 2], [2, 3, 0]]))
    assert edges.tolist() == [[0, 1], [0, 2], [0, 3], [1, 2], [2, 3]]
    assert corner_edge.tolist() == [[0, 3, 1], [4, 2, 1]]
    assert count.tolist() == [1, 2, 1, 1, 1]
    assert len(unique_edges(np.zeros((0, 3), np.int64))[0]) == 0
