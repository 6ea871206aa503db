"""Scans whose truth is known: the embedded head cut into other triangles, with another texture.

The skin and eyeballs of a head, its triangles made anew from points of its surface, each pair in a
cell of an atlas of its own, cut at the neck, turned, moved, in centimetres and, if asked, noisy.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from clipface_cli.artifacts import Mesh, Pixels, to_pixels
from clipface_cli.artifacts.scan import Scan
from clipface_cli.geometry.surface import Surface
from clipface_cli.head import HeadModel
from clipface_cli.head.skinning import rotation_matrices

CELL = 16  # pixels of the atlas for two triangles
UNIT = 100.0  # centimetres
INSIDE = ("teeth", "tongue", "mouth_interior")


@dataclass
class ScanLike:
    """mesh and pixels as files would hold them; truth (V, 3): the head's vertices in metres."""

    mesh: Mesh
    pixels: Pixels
    truth: NDArray[np.float64]


def make(
    head: HeadModel,
    vertices: torch.Tensor,
    texture: torch.Tensor,
    *,
    spacing: float = 0.0025,
    noise: float = 0.0,
    turn: tuple[float, float, float] = (0.2, -0.5, 0.15),
    neck: float = 0.6,
) -> ScanLike:
    """A scan of vertices (V, 3) with texture (1, 3, R, R).

    spacing: metres between its vertices; noise: metres; turn: axis-angle; neck: how much of the
    height below the chin is left.
    """
    truth = vertices.double().numpy()
    inside = torch.stack([head.masks[name] for name in INSIDE]).amax(0)
    kept = (inside[head.faces] < 0.5).any(1).numpy()
    faces, uv = head.faces.numpy()[kept], head.uv.double().numpy()[head.uv_faces.numpy()[kept]]
    points, triangles = _recut(truth, faces, spacing)
    low = truth[:, 1].min() + (1 - neck) * (
        truth[head.landmarks["mediapipe"][0][152], 1].min() - truth[:, 1].min()
    )
    triangles = triangles[(points[triangles, 1] > low).all(1)]
    known = Scan(truth, faces, uv, [to_pixels(texture)], np.zeros(len(faces), np.int64))
    atlas_uv, pixels = _atlas(points, triangles, known)
    chance = np.random.default_rng(0)
    placed = points + noise * chance.standard_normal(points.shape)
    rotation = rotation_matrices(torch.tensor(turn)[None])[0].double().numpy()
    placed = UNIT * (placed @ rotation.T + (0.3, -0.1, 0.7))
    used, compact = np.unique(triangles, return_inverse=True)
    mesh = Mesh(
        placed[used],
        compact.reshape(-1, 3),
        atlas_uv.reshape(-1, 2),
        np.arange(3 * len(triangles)).reshape(-1, 3),
    )
    return ScanLike(mesh, pixels, truth)


def _recut(
    vertices: NDArray[np.float64], faces: NDArray[np.int64], spacing: float
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Points of a surface, one in each cell of a grid, and triangles between them."""
    import trimesh

    fine = trimesh.Trimesh(vertices, faces, process=False)
    fine = fine.subdivide().subdivide()
    points, triangles = np.asarray(fine.vertices), np.asarray(fine.faces)
    cell = np.floor(points / spacing + 0.37).astype(int)
    # The two lips, and lids and eyeballs, are on different sides of one cell: keep them apart.
    facing = np.sign(np.round(fine.vertex_normals, 1)).astype(int)
    _, cluster = np.unique(np.concatenate([cell, facing], 1), axis=0, return_inverse=True)
    cluster = cluster.reshape(-1)
    count = np.bincount(cluster)
    middle = np.stack([np.bincount(cluster, points[:, k]) for k in range(3)], 1) / count[:, None]
    off = np.linalg.norm(points - middle[cluster], axis=1)
    order = np.lexsort((off, cluster))
    chosen = order[np.unique(cluster[order], return_index=True)[1]]
    merged = cluster[triangles]
    a, b, c = merged.T
    merged = merged[(a != b) & (b != c) & (c != a)]
    _, first = np.unique(np.sort(merged, 1), axis=0, return_index=True)
    return points[chosen], merged[np.sort(first)]


def _atlas(
    points: NDArray[np.float64], triangles: NDArray[np.int64], known: Scan
) -> tuple[NDArray[np.float64], Pixels]:
    """uv (F, 3, 2) and an image: two triangles a cell, coloured as the known surface there."""
    side = int(np.ceil(np.sqrt(len(triangles) / 2)))
    size = side * CELL
    low, high = 1.5, CELL - 1.5
    halves = np.array(
        [
            [[low, low], [high - 2, low], [low, high - 2]],
            [[high, high], [low + 2, high], [high, low + 2]],
        ]
    )
    number = np.arange(len(triangles))
    cell = np.stack([number // 2 % side, number // 2 // side], 1) * CELL
    places = halves[number % 2] + cell[:, None]
    grid = np.stack(np.meshgrid(np.arange(CELL), np.arange(CELL)), -1).reshape(-1, 2) + 0.5
    image = np.zeros((size, size, 3), np.float32)
    surface = Surface(known.vertices, known.faces)
    normals = Surface(points, triangles).normals
    for half in (0, 1):
        rows = np.flatnonzero(number % 2 == half)
        a, b, c = halves[half]
        inverse = np.linalg.inv(np.stack([b - a, c - a], 1))
        two = (grid - a) @ inverse.T
        mine = two.sum(1) <= 1
        weights = np.concatenate([1 - two.sum(1, keepdims=True), two], 1)[mine]
        inside = np.clip(weights, 0, 1)
        inside /= inside.sum(1, keepdims=True)
        for part in np.array_split(rows, max(1, len(rows) // 4000)):
            at = np.einsum("kc,fcx->fkx", inside, points[triangles[part]]).reshape(-1, 3)
            hit = surface.nearest(at, np.repeat(normals[part], len(inside), 0))
            colour = known.colours(hit.triangle, hit.weights)
            pixel = (grid[mine] - 0.5).astype(int)[None] + cell[part][:, None]
            image[size - 1 - pixel[..., 1].ravel(), pixel[..., 0].ravel()] = colour
    return places / size, to_pixels(torch.from_numpy(image).permute(2, 0, 1))
