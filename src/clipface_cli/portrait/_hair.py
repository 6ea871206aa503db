"""Scalp hair: a raised shell under short strands that break its outline."""

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from clipface_cli.geometry.jit import Array
from clipface_cli.portrait._shading import shade_roots
from clipface_cli.portrait.curves import Curves
from clipface_cli.portrait.scene import NORMAL, POSITION, TANGENT, Scene

STRANDS = 12000
LENGTH = 0.013  # metres
LIFT = 0.0020  # metres above the shell at the highest
VOLUME = 0.006  # metres of the shell above the scalp
ALPHA = 0.7
DEPTH_BIAS = 0.0010  # metres
POINTS = 7
SHORTEST = 0.3  # share of their length that strands keep where there is little hair
STAGGER = 0.01  # metres by which the order of strands departs from their height
TONES, LENGTHS, SWING = (0.4, 1.9), (0.6, 1.2), 0.16  # brightness, factor of length, radians
BEND = 2.4  # radians of the sine along which a strand rises


@dataclass(frozen=True)
class Roots:
    """Where strands grow, N of them, lowest first so that higher ones fall over them."""

    triangles: Array  # (N,)
    weights: Array  # (N, 3)
    tones: Array  # (N,) brightness
    lengths: Array  # (N,) metres
    swing: Array  # (N,) radians off the combing direction


def plan_roots(faces: Array, rest: Array, scalp: Array) -> Roots:
    """Scatter roots evenly over the scalp of the template (V1,3)."""
    rng = np.random.default_rng(7)
    hairy = np.flatnonzero(scalp[faces].min(axis=1) > 0.2)
    if not len(hairy):
        empty = np.zeros(0)
        return Roots(np.zeros(0, np.int32), np.zeros((0, 3)), empty, empty, empty)
    a, b, c = (rest[faces[hairy, corner]] for corner in range(3))
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    triangles = rng.choice(hairy, STRANDS, p=area / area.sum())
    weights = rng.dirichlet(np.ones(3), STRANDS)
    height = (rest[faces[triangles], 1] * weights).sum(axis=1)
    order = (height + rng.normal(0, STAGGER, STRANDS)).argsort()
    return Roots(
        triangles[order].astype(np.int32),
        weights[order],
        rng.uniform(*TONES, STRANDS),
        LENGTH * rng.uniform(*LENGTHS, STRANDS),
        rng.normal(0, SWING, STRANDS),
    )


def raise_shell(
    points: Array, normals: Array, hair: Array, blend: sp.csr_matrix
) -> NDArray[np.float32]:
    """Lift haired vertices (V1,3) off the scalp, tapering at the hairline."""
    for _ in range(10):
        hair = blend @ hair
    hair = np.clip(2 * hair - 1, 0, 1)
    return np.asarray(points + normals * (VOLUME * hair)[:, None], np.float32)


def grow(roots: Roots, scene: Scene) -> Curves:
    """Strands in studio space, lit and coloured as the scalp below them."""
    corners = scene.triangles[roots.triangles, :3]

    def at_root(column: int) -> Array:
        table = scene.vertices[:, column : column + 3]
        return np.einsum("nkc,nk->nc", table[corners], roots.weights)

    normal, tangent = at_root(NORMAL), at_root(TANGENT)
    side = np.cross(normal, tangent)
    turn = roots.swing[:, None]
    comb = np.cos(turn) * tangent + np.sin(turn) * side
    colours, hair = shade_roots(roots.triangles, roots.weights, roots.tones, scene)
    t = np.linspace(0, 1, POINTS)[None, :, None]
    reach = (roots.lengths * (SHORTEST + (1 - SHORTEST) * hair))[:, None, None]
    rise = LIFT * np.sin(BEND * t) * hair[:, None, None]
    points = at_root(POSITION)[:, None] + comb[:, None] * reach * t + normal[:, None] * rise
    return Curves(points.astype(np.float32), (ALPHA * hair).astype(np.float32), colours[:, None])
