"""Small closed meshes."""

import numpy as np


def tetrahedron() -> tuple[np.ndarray, np.ndarray]:
    """Points (4, 3) and faces (4, 3), counterclockwise from outside."""
    points = np.array([[1, 1, 1], [-1, -1, 1], [-1, 1, -1], [1, -1, -1]], float)
    faces = np.array([[0, 2, 1], [0, 1, 3], [0, 3, 2], [1, 2, 3]])
    return points, faces
