"""Ambient occlusion per vertex: how much of the sky each vertex sees, from many depth maps."""

import math

import numpy as np
from numpy.typing import NDArray

from clipface_cli.geometry.jit import device, kernel, prange
from clipface_cli.portrait._vectors import Array, dot, row
from clipface_cli.portrait.zbuffer import FAR, draw

DIRECTIONS = 72
MAP_SIZE = 320
BIAS = 0.0016  # metres


def _sky(count: int) -> NDArray[np.float32]:
    """(N,3,3) rotations whose third row points away from the N Fibonacci-sphere directions."""
    i = np.arange(count) + 0.5
    up = 1 - 2 * i / count
    angle = i * math.pi * (3 - math.sqrt(5))
    ring = np.sqrt(1 - up * up)
    toward = np.stack([ring * np.cos(angle), up, ring * np.sin(angle)], axis=1)
    right = np.cross(toward, [0.3, 0.1, -0.9])
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(right, toward), -toward], axis=1).astype(np.float32)


@device
def _fit_square(points: Array, size: int) -> None:
    """Scale and shift x and y of (V,3) into a square of pixels with a margin of two."""
    low_x, high_x, low_y, high_y = points[0, 0], points[0, 0], points[0, 1], points[0, 1]
    for v in range(points.shape[0]):
        low_x, high_x = min(low_x, points[v, 0]), max(high_x, points[v, 0])
        low_y, high_y = min(low_y, points[v, 1]), max(high_y, points[v, 1])
    scale = (size - 4) / max(high_x - low_x, high_y - low_y)
    for v in range(points.shape[0]):
        points[v, 0] = (points[v, 0] - low_x) * scale + 2
        points[v, 1] = (points[v, 1] - low_y) * scale + 2


@kernel
def _visible(vertices: Array, faces: Array, rotations: Array, size: int, bias: float) -> Array:
    """(N,V) uint8: vertex v is seen from direction n."""
    seen = np.zeros((rotations.shape[0], vertices.shape[0]), np.uint8)
    for n in prange(rotations.shape[0]):
        turned = np.empty_like(vertices)
        for v in range(vertices.shape[0]):
            for axis in range(3):
                turned[v, axis] = dot(row(rotations[n], axis), row(vertices, v))
        _fit_square(turned, size)
        depth = np.full((size, size), FAR, np.float32)
        ids = np.empty((size, size), np.int32)
        draw(turned, faces, depth, ids, 0, size)
        for v in range(vertices.shape[0]):
            blocker = depth[int(turned[v, 1]), int(turned[v, 0])]
            seen[n, v] = turned[v, 2] - blocker < bias
    return seen


@device
def _gather(normals: Array, rotations: Array, seen: Array) -> Array:
    """Cosine-weighted share of visible sky, the upper sky counting more."""
    share = np.zeros(normals.shape[0], np.float32)
    for v in range(normals.shape[0]):
        light = 0.0
        total = 1e-9
        for n in range(rotations.shape[0]):
            x, y, z = -rotations[n, 2, 0], -rotations[n, 2, 1], -rotations[n, 2, 2]
            cosine = normals[v, 0] * x + normals[v, 1] * y + normals[v, 2] * z
            if cosine > 0:
                weight = cosine * (0.65 + 0.35 * min(max(y + 0.6, 0.0), 1.2))
                total += weight
                light += weight * seen[n, v]
        share[v] = light / total
    return share


def ambient_occlusion(
    vertices: NDArray[np.float32], normals: NDArray[np.float32], faces: NDArray[np.int32]
) -> NDArray[np.float32]:
    """Share of the sky (V,) each of (V,3) sees past `faces`: 0 fully hidden, 1 open."""
    rotations = _sky(DIRECTIONS)
    seen = _visible(vertices, faces, rotations, MAP_SIZE, BIAS)
    return _gather(normals, rotations, seen)
