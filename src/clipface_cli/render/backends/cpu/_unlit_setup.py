"""Triangle setup and texel lookups that painting unlit heads and its gradients share."""

from typing import TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device
from clipface_cli.render.backends.cpu._raster import lines_of, reciprocal

Triangles: TypeAlias = tuple[Array, Array, Array]  # faces, opposite corners, corners' UV
Planes: TypeAlias = tuple[Array, Array, Array]  # one row of red, of green and of blue

_SETUP = 16  # numbers that `set_up_triangle` computes of a triangle

# float32 numbers: plain ones would make float64 of float32.
_ZERO, _HALF, ONE = np.float32(0), np.float32(0.5), np.float32(1)


@device
def empty_setups(tri: Array) -> tuple[Array, Array]:
    """Setups (F, 16) to be filled in, and the tasks (F,) for which they were; -1: for none yet."""
    return np.empty((tri.shape[0], _SETUP)), np.full(tri.shape[0], -1)


@device
def set_up_triangle(pos: Array, tri: Array, corners: Array, f: int, setups: Array) -> None:
    """Write row f of setups: the coefficients by which `weights_at` and UVs are computed.

    0..8: edge functions a x + b y + c of two corners, and the sum of all three, the divisor.
    9..14: UV of the first two corners minus that of the third, then that of the third. 15: 0 with
    perspective; else the edge functions are divided already, and it is the reciprocal divisor.
    """
    n0, n1, n2 = lines_of(pos, tri, f)
    i, j, k = tri[f, 0], tri[f, 1], tri[f, 2]
    flat = pos[i, 3] == 1 and pos[j, 3] == 1 and pos[k, 3] == 1
    inverse = reciprocal(n0[2] + n1[2] + n2[2]) if flat else 0.0
    scale = inverse if flat else 1.0
    for c in range(3):
        setups[f, c], setups[f, 3 + c] = n0[c] * scale, n1[c] * scale
        setups[f, 6 + c] = n0[c] + n1[c] + n2[c]
    for c in range(2):
        last = np.float64(corners[f, 2, c])
        setups[f, 9 + c] = corners[f, 0, c] - last
        setups[f, 11 + c] = corners[f, 1, c] - last
        setups[f, 13 + c] = last
    setups[f, 15] = inverse


@device
def weights_at(setup: Array, fx: float, fy: float) -> tuple[float, float, float]:
    """Weights u, v of a triangle at a point, perhaps outside, and the reciprocal divisor."""
    u = setup[0] * fx + setup[1] * fy + setup[2]
    v = setup[3] * fx + setup[4] * fy + setup[5]
    if setup[15] != 0:
        return u, v, setup[15]
    inverse = reciprocal(setup[6] * fx + setup[7] * fy + setup[8])
    return u * inverse, v * inverse, inverse


@device
def texel_at(s: float, t: float, size: tuple[int, int]) -> tuple[int, float, float]:
    """Index of the first of four texels around UV (s, t), clamped; weights of the next ones."""
    x, i = _along(s, size[1])
    y, j = _along(t, size[0])
    return np.uint64(j * size[1] + i), x - np.float32(i), y - np.float32(j)


@device
def _along(t: float, size: int) -> tuple[float, int]:
    """A coordinate in texels, clamped to their centres, and the texel at or before it."""
    x, last = t * np.float32(size) - _HALF, np.float32(size - 1)
    x = x if x > _ZERO else _ZERO
    x = x if x < last else last
    i = np.int64(x)
    return x, i if i < size - 1 else max(size - 2, 0)


@device
def next_texels(size: tuple[int, int]) -> tuple[int, int]:
    """Steps from a texel to the next one along a row and in the row after."""
    return np.uint64(min(size[1] - 1, 1)), np.uint64(size[1] if size[0] > 1 else 0)


@device
def texel_scale(t: float, size: int) -> float:
    """Derivative of the clamped coordinate in texels by t: 0 beyond the border texels."""
    x = t * np.float32(size) - _HALF
    return np.float32(size) if _ZERO <= x < np.float32(size - 1) else _ZERO
