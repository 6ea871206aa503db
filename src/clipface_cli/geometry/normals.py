"""Normals at the vertices of triangle meshes: of arrays, and of tensors with gradients."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

Float64s = NDArray[np.float64]


def vertex_normals(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> Float64s:
    """Area-weighted unit normals (V, 3) of vertices (V, 3); zero where a vertex has no area."""
    total = normal_sums(vertices, faces)
    length = np.linalg.norm(total, axis=1, keepdims=True)
    return np.divide(total, length, out=np.zeros_like(total), where=length > 0)


def normal_sums(vertices: NDArray[np.floating], faces: NDArray[np.integer]) -> Float64s:
    """Sums (V, 3) over the triangles at each vertex of their normals, twice their area long."""
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    owners, count = faces.T.ravel(), len(vertices)
    sums = [np.bincount(owners, np.tile(axis, 3), count) for axis in across.T]
    return np.stack(sums, 1)


def batch_normals(vertices: Tensor, faces: Tensor) -> Tensor:
    """`vertex_normals` (B, V, 3) of tensors (B, V, 3), with gradients."""
    a, b, c = (vertices[:, corner] for corner in faces.long().unbind(1))
    across = torch.linalg.cross(b - a, c - a)
    total = torch.zeros_like(vertices)
    for corner in faces.long().unbind(1):
        total = total.index_add(1, corner, across)
    return torch.nn.functional.normalize(total, dim=-1, eps=1e-12)
