"""Eyelashes that grow from the lid margins and turn with the lids."""

import numpy as np
from numpy.typing import NDArray

from clipface_cli.geometry.vectors import units
from clipface_cli.portrait.curves import Curves
from clipface_cli.portrait.topology import LashLine

UPPER_COUNT, LOWER_COUNT = 120, 55
UPPER_LENGTH, LOWER_LENGTH = 0.0078, 0.0038  # metres
UPPER_ALPHA, LOWER_ALPHA = 0.95, 0.55
DEPTH_BIAS = 0.0008  # metres
POINTS = 24
COLOUR = (0.0060, 0.0040, 0.0033)

Float = NDArray[np.float32]


def lashes(
    lines: tuple[LashLine, ...],
    vertices: Float,
    normals: Float,
    rest_normals: Float,
    darkness: Float,
) -> Curves:
    """Lashes on posed (V1,3) vertices; normals say how far each lid has turned from rest.

    `darkness` (V1,) 0..1 of the texture makes them stronger where a lash line is painted.
    """
    rng = np.random.default_rng(5)
    curves = [np.zeros((0, POINTS, 3))]
    alphas = [np.zeros(0)]
    for line in lines:
        turn = _turn(rest_normals[line.vertices].mean(0), normals[line.vertices].mean(0))
        curves.append(_grow(line, vertices[line.vertices], turn, rng))
        strength = 0.5 + 0.5 * float(darkness[line.vertices].mean())
        alpha = strength * (UPPER_ALPHA if line.upper else LOWER_ALPHA)
        alphas.append(np.full(len(curves[-1]), alpha))
    points = np.concatenate(curves).astype(np.float32)
    colours = np.tile(np.array(COLOUR, np.float32), (len(points), 1, 1))
    return Curves(points, np.concatenate(alphas).astype(np.float32), colours)


def _turn(rest: Float, posed: Float) -> NDArray[np.float64]:
    """Smallest rotation (3,3) that takes one direction to another."""
    a, b = units(rest.astype(np.float64)), units(posed.astype(np.float64))
    x, y, z = np.cross(a, b)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.eye(3) + skew + skew @ skew / (1 + a @ b + 1e-9)


def _grow(
    line: LashLine, margin: Float, turn: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Curves (N,POINTS,3) fanned along a lid margin (M,3), longest in the middle."""
    count = UPPER_COUNT if line.upper else LOWER_COUNT
    length = UPPER_LENGTH if line.upper else LOWER_LENGTH
    side = 1 if line.left else -1
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(margin, axis=0), axis=1))])
    u = 0.04 + 0.92 * (np.arange(count) + rng.random(count)) / count
    roots = np.stack([np.interp(u * along[-1], along, axis) for axis in margin.T], axis=1)

    outward = 2 * u - 1
    fan = 0.55 * outward + 0.20 * side + rng.normal(0, 0.10, count)
    ones = np.ones(count)
    first = units(np.stack([0.7 * fan, ones * (0.10 if line.upper else -0.25), ones], axis=1))
    last = units(np.stack([fan, ones * (1.0 if line.upper else -0.9), 0.35 * ones], axis=1))
    lengths = length * (1 - 0.35 * outward**2) * rng.uniform(0.7, 1.15, count)
    lengths *= 1 + 0.25 * outward * side
    t = np.linspace(0, 1, POINTS)[None, :, None]
    bend = first[:, None] * (1 - 0.62 * t) + last[:, None] * (0.62 * t)
    lift = np.array([0.0, 0.0001 if line.upper else -0.0001, 0.0002])
    return roots[:, None] + (lift + bend * t * lengths[:, None, None]) @ turn.T
