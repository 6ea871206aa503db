"""Vertex normals, of arrays and of tensors."""

import numpy as np
import pytest
import torch

from clipface_cli.geometry import batch_normals, normal_sums, vertex_normals
from clipface_cli.head import HeadModel


@pytest.fixture(scope="module")
def octahedron() -> tuple[np.ndarray, np.ndarray]:
    points = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [-1, 0, 0], [0, -1, 0], [0, 0, -1]], float)
    right = [[0, 1, 2], [0, 2, 4], [0, 4, 5], [0, 5, 1]]
    left = [[3, 2, 1], [3, 4, 2], [3, 5, 4], [3, 1, 5]]
    return points, np.array(right + left)


def test_normals_of_a_convex_body_point_outward(octahedron) -> None:
    points, faces = octahedron
    np.testing.assert_allclose(vertex_normals(points, faces), points, atol=1e-12)
    np.testing.assert_allclose(vertex_normals(0.1 * points, faces[:, ::-1]), -points, atol=1e-12)


def test_large_triangles_count_more() -> None:
    points = np.array([[0, 0, 0], [2, 0, 0], [0, 2, 0], [0, 1, 0], [0, 0, 1]], float)
    faces = np.array([[0, 1, 2], [0, 3, 4]])
    np.testing.assert_array_equal(normal_sums(points, faces)[0], [1, 0, 4])
    np.testing.assert_allclose(vertex_normals(points, faces)[0], np.array([1, 0, 4]) / 17**0.5)


def test_vertices_without_area_have_none() -> None:
    points, faces = np.zeros((4, 3)), np.array([[0, 1, 2]])
    assert (vertex_normals(points, faces) == 0).all()
    assert (batch_normals(torch.from_numpy(points)[None], torch.from_numpy(faces)) == 0).all()


def test_tensors_and_arrays_agree() -> None:
    head = HeadModel.load("builtin")
    template = head.template.double()
    expected = vertex_normals(template.numpy(), head.faces.numpy())
    found = batch_normals(torch.stack([template, template * 2]), head.faces)
    np.testing.assert_allclose(found[0], expected, atol=1e-9)
    np.testing.assert_allclose(found[1], expected, atol=1e-9)


def test_gradients_reach_the_vertices(octahedron) -> None:
    points, faces = (torch.from_numpy(part) for part in octahedron)
    points = (points * torch.tensor([1.0, 1.5, 0.7]))[None].requires_grad_()
    torch.autograd.gradcheck(lambda vertices: batch_normals(vertices, faces), points)
