import numpy as np
from shapes import tetrahedron

from clipface_cli.geometry.occlusion import ambient_occlusion


def test_convex_bodies_see_the_whole_sky() -> None:
    points, faces = tetrahedron()
    points = (points * 0.05).astype(np.float32)
    normals = points / np.linalg.norm(points, axis=1, keepdims=True)
    assert ambient_occlusion(points, normals, faces.astype(np.int32)).min() > 0.99


def test_a_sheet_hides_the_sky_behind_it() -> None:
    """A small triangle in front of a large one: from outside only, or from both sides."""
    sheet = np.array([[-1, -1, 0], [1, -1, 0], [0, 1, 0]], np.float32) * 0.2
    points = np.concatenate([sheet, 0.05 * sheet + np.float32([0, 0, 0.02])])
    normals = np.tile(np.float32([0, 0, 1]), (6, 1))
    below = np.array([[0, 1, 2]], np.int32)  # its outside faces the small triangle
    normals[3:] *= -1
    assert ambient_occlusion(points, normals, below, span=0.8)[3:].min() > 0.99
    both = np.concatenate([below, below[:, ::-1]])
    assert ambient_occlusion(points, normals, both, span=0.8)[3:].max() < 0.3
