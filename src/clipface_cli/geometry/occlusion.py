"""Ambient occlusion per vertex: how much of the sky each vertex sees, from many depth maps."""

import math

import numpy as np
from numpy.typing import NDArray

from clipface_cli.geometry.jit import device, kernel, parallel
from clipface_cli.geometry.vectors import Array, Vector, dot, row
from clipface_cli.geometry.zbuffer import FAR, draw

DIRECTIONS = 72
MAP_SIZE = 320
MARGIN = 2  # pixels around what is seen in a fitted map
BIAS = 0.0016  # metres by which a vertex may lie behind the surface and still be seen
ACROSS = (0.3, 0.1, -0.9)  # the maps' x axes are perpendicular to this

# Weight of the sky over its height, -1 below to 1 above: 0.65, and 0.35 times (height + 0.6) of it.
_EVEN, _FROM_ABOVE, _RISES_AT, _HIGHEST = 0.65, 0.35, 0.6, 1.2


def sky_views(count: int = DIRECTIONS, across: Vector = ACROSS) -> NDArray[np.float32]:
    """Rotations (N,3,3) whose third row points away from the N Fibonacci-sphere directions.

    across: a vector that is parallel to none of the directions.
    """
    i = np.arange(count) + 0.5
    up = 1 - 2 * i / count
    angle = i * math.pi * (3 - math.sqrt(5))
    ring = np.sqrt(1 - up * up)
    toward = np.stack([ring * np.cos(angle), up, ring * np.sin(angle)], axis=1)
    right = np.cross(toward, across)
    right /= np.linalg.norm(right, axis=1, keepdims=True)
    return np.stack([right, np.cross(right, toward), -toward], axis=1).astype(np.float32)


@device
def _fit_square(points: Array, size: int) -> None:
    """Scale and shift x and y of (V,3) into a square of pixels with a margin."""
    low_x, high_x, low_y, high_y = points[0, 0], points[0, 0], points[0, 1], points[0, 1]
    for v in range(points.shape[0]):
        low_x, high_x = min(low_x, points[v, 0]), max(high_x, points[v, 0])
        low_y, high_y = min(low_y, points[v, 1]), max(high_y, points[v, 1])
    scale = (size - 2 * MARGIN) / max(high_x - low_x, high_y - low_y)
    for v in range(points.shape[0]):
        points[v, 0] = (points[v, 0] - low_x) * scale + MARGIN
        points[v, 1] = (points[v, 1] - low_y) * scale + MARGIN


@device
def _fit_span(points: Array, size: int, span: float) -> None:
    """Scale x and y of (V,3) so that `span` metres around 0 fill a square of pixels."""
    for v in range(points.shape[0]):
        points[v, 0] = points[v, 0] * (size / span) + size / 2
        points[v, 1] = points[v, 1] * (size / span) + size / 2


@kernel
def _visible(
    tasks: tuple[int, int],
    vertices: Array,
    faces: Array,
    views: Array,
    size: int,
    span: float,
    seen: Array,
) -> None:
    """Fill seen (N,V) uint8: vertex v is seen from direction n."""
    for n in range(*tasks):
        turned = np.empty_like(vertices)
        for v in range(vertices.shape[0]):
            for axis in range(3):
                turned[v, axis] = dot(row(views[n], axis), row(vertices, v))
        if span > 0:
            _fit_span(turned, size, span)
        else:
            _fit_square(turned, size)
        depth = np.full((size, size), FAR, np.float32)
        ids = np.empty((size, size), np.int32)
        draw(turned, faces, depth, ids, 0, size)
        for v in range(vertices.shape[0]):
            blocker = depth[int(turned[v, 1]), int(turned[v, 0])]
            seen[n, v] = turned[v, 2] - blocker < BIAS


@device
def _gather(normals: Array, views: Array, seen: Array) -> Array:
    """Cosine-weighted share of visible sky, the upper sky counting more."""
    share = np.zeros(normals.shape[0], np.float32)
    for v in range(normals.shape[0]):
        light = 0.0
        total = 1e-9
        for n in range(views.shape[0]):
            x, y, z = -views[n, 2, 0], -views[n, 2, 1], -views[n, 2, 2]
            cosine = normals[v, 0] * x + normals[v, 1] * y + normals[v, 2] * z
            if cosine > 0:
                above = min(max(y + _RISES_AT, 0.0), _HIGHEST)
                weight = cosine * (_EVEN + _FROM_ABOVE * above)
                total += weight
                light += weight * seen[n, v]
        share[v] = light / total
    return share


def ambient_occlusion(
    vertices: NDArray[np.float32],
    normals: NDArray[np.float32],
    faces: NDArray[np.int32],
    views: NDArray[np.float32] | None = None,
    span: float = 0.0,
) -> NDArray[np.float32]:
    """Share of the sky (V,) each of (V,3) sees past `faces`: 0 fully hidden, 1 open.

    vertices: metres, around the origin if `span` is given. normals: (V,3), of length 1. faces:
    (F,3); they block light from outside only, each triangle given in both senses from both sides.
    views: `sky_views`. span: metres across every depth map; 0 fits each to what it shows.
    """
    views = sky_views() if views is None else views
    seen = np.zeros((len(views), len(vertices)), np.uint8)
    parallel(_visible, len(views), vertices, faces, views, MAP_SIZE, span, seen)
    return _gather(normals, views, seen)
