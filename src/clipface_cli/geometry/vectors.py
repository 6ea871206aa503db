"""Small vector arithmetic: inside compiled kernels, and on arrays."""

import math
from typing import TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device

__all__ = [
    "Array",
    "Vector",
    "add",
    "clip",
    "cross",
    "direction",
    "dot",
    "row",
    "step",
    "unit",
    "units",
]

Vector: TypeAlias = tuple[float, float, float]


def direction(x: float, y: float, z: float) -> Vector:
    """Unit vector, for constants."""
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


@device
def dot(a: Vector, b: Vector) -> float:
    """a . b"""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@device
def cross(a: Vector, b: Vector) -> Vector:
    """a x b"""
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@device
def add(a: Vector, b: Vector, scale: float) -> Vector:
    """a + scale * b"""
    return a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]


@device
def unit(a: Vector) -> Vector:
    """a, scaled to length 1; 0 stays 0."""
    scale = 1 / math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + 1e-20)
    return a[0] * scale, a[1] * scale, a[2] * scale


@device
def row(table: Array, i: int) -> Vector:
    """Row i of an (N,3) array."""
    return table[i, 0], table[i, 1], table[i, 2]


@device
def clip(x: float, low: float = 0.0, high: float = 1.0) -> float:
    """x, or the bound that it lies beyond."""
    return min(max(x, low), high)


@device
def step(low: float, high: float, x: float) -> float:
    """Smooth step from 0 at `low` to 1 at `high`; falls where high < low."""
    t = clip((x - low) / (high - low))
    return t * t * (3 - 2 * t)


def units(vectors: Array) -> Array:
    """Vectors (..., 3) of any length but 0, made as long as 1."""
    return np.asarray(vectors / np.linalg.norm(vectors, axis=-1, keepdims=True))
