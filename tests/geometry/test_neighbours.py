import numpy as np
from shapes import tetrahedron

from clipface_cli.geometry.neighbours import (
    adjacency,
    cavity,
    half_edge_average,
    vertex_average,
)


def test_neighbours_of_a_closed_mesh_are_those_of_its_half_edges() -> None:
    points, faces = tetrahedron()
    assert (adjacency(faces, 4).toarray() == 1 - np.eye(4)).all()
    np.testing.assert_allclose(
        vertex_average(faces, 4).toarray(), half_edge_average(faces, 4).toarray()
    )
    np.testing.assert_allclose(vertex_average(faces, 4) @ points, -points / 3)


def test_vertices_without_neighbours_keep_their_value() -> None:
    average = vertex_average(np.array([[0, 1, 2]]), 4).toarray()
    np.testing.assert_allclose(average[3], [0, 0, 0, 1])


def test_a_ridge_has_negative_cavity() -> None:
    points, faces = tetrahedron()
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    average = vertex_average(faces, 4)
    assert (cavity(points, normals, average, 10.0) < 0).all()
    np.testing.assert_allclose(cavity(points, -normals, average, 0.1), 1.5)
