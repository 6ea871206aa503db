"""Kernels of texture sampling: nearest, bilinear, trilinear over mip levels, and back.

Texels are (B, N, C): levels of sizes (L, 2) rows and columns, one after another.
"""

from typing import Any, TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel

Pixel: TypeAlias = tuple[int, int, int]  # image, row, column

_BLOCK_BITS = 10  # threads own blocks of 2**10 texels: longer than a cache line, few to look up


def texel_owners(texels: int, workers: int) -> Array:
    """The thread (N / 1024 + 1,) that sums the gradients to each block of texels, in turns."""
    return np.arange((texels >> _BLOCK_BITS) + 1, dtype=np.int32) % np.int32(workers)


@device
def wrap_or_clamp(i: int, size: int, wrap: bool) -> int:
    """Index of a texel beyond the border."""
    if 0 <= i < size:
        return i
    return i % size if wrap else min(max(i, 0), size - 1)


@device
def bilinear(t: float, size: int, wrap: bool) -> tuple[int, int, float]:
    """The two texels around a coordinate, and the weight of the second."""
    x = t * size - 0.5
    low = np.floor(x)
    i = np.int64(low)
    return wrap_or_clamp(i, size, wrap), wrap_or_clamp(i + 1, size, wrap), x - low


@device
def _nearest(t: float, size: int, wrap: bool) -> int:
    """The texel that holds a coordinate."""
    return wrap_or_clamp(np.int64(np.floor(t * size)), size, wrap)


@device
def _starts(sizes: Array) -> Array:
    """Where each level begins among the texels."""
    starts = np.zeros(sizes.shape[0], np.int64)
    for i in range(1, sizes.shape[0]):
        starts[i] = starts[i - 1] + sizes[i - 1, 0] * sizes[i - 1, 1]
    return starts


@device
def _blend(level: Array, pixel: Pixel, levels: int) -> tuple[int, int, float]:
    """The two levels between which a pixel is, and the weight of the second."""
    if level.shape[0] == 0:
        return 0, 0, 0.0
    first = min(np.int64(level[pixel]), levels - 1)
    return first, min(first + 1, levels - 1), level[pixel] - first


@device
def _corners(
    places: Any, pixel: Pixel, at: int, linear: bool, wrap: bool
) -> tuple[int, int, int, int, float, float]:
    """Texels of level `at` around a pixel's UV (00, 01, 10, 11), and the second ones' weights.

    places: UV (B, H, W, 2), the levels' sizes (L, 2), and their first texels (L,).
    """
    uv, sizes, starts = places
    b, y, x = pixel
    u, v, start = uv[b, y, x, 0], uv[b, y, x, 1], starts[at]
    rows, columns = sizes[at, 0], sizes[at, 1]
    if not linear:
        at = start + _nearest(v, rows, wrap) * columns + _nearest(u, columns, wrap)
        return at, at, at, at, 0.0, 0.0
    i0, i1, wx = bilinear(u, columns, wrap)
    j0, j1, wy = bilinear(v, rows, wrap)
    first, second = start + j0 * columns, start + j1 * columns
    return first + i0, first + i1, second + i0, second + i1, wx, wy


@kernel
def forward(
    tasks: tuple[int, int],
    texels: Array,
    uv: Array,
    level: Array,
    sizes: Array,
    out: Array,
    linear: bool,
    wrap: bool,
) -> None:
    """Fill rows of out (B, H, W, C) with the texels (B or 1, N, C) at uv (B, H, W, 2)."""
    height, width = uv.shape[1:3]
    places = uv, sizes, _starts(sizes)
    for row in range(*tasks):
        b, y = row // height, row % height
        image = texels[b % texels.shape[0]]
        for x in range(width):
            first, second, share = _blend(level, (b, y, x), sizes.shape[0])
            corners = _corners(places, (b, y, x), first, linear, wrap)
            for c in range(out.shape[3]):
                out[b, y, x, c] = _mean(image, corners, c)
            if share > 0:
                corners = _corners(places, (b, y, x), second, linear, wrap)
                for c in range(out.shape[3]):
                    out[b, y, x, c] += share * (_mean(image, corners, c) - out[b, y, x, c])


@device
def _mean(image: Array, corners: Any, c: int) -> float:
    i00, i01, i10, i11, wx, wy = corners
    below = image[i00, c] * (1 - wx) + image[i01, c] * wx
    above = image[i10, c] * (1 - wx) + image[i11, c] * wx
    return below * (1 - wy) + above * wy


@kernel
def backward_uv(
    tasks: tuple[int, int],
    texels: Array,
    uv: Array,
    level: Array,
    sizes: Array,
    grad: Array,
    out: tuple[Array, Array],
    wrap: bool,
) -> None:
    """Fill rows of gradients to UV (B, H, W, 2) and, where there are levels, to them (B, H, W)."""
    grad_uv, grad_level = out
    height, width = uv.shape[1:3]
    places = uv, sizes, _starts(sizes)
    for row in range(*tasks):
        b, y = row // height, row % height
        image = texels[b % texels.shape[0]]
        for x in range(width):
            first, second, share = _blend(level, (b, y, x), sizes.shape[0])
            corners = _corners(places, (b, y, x), first, True, wrap)
            gx, gy, value = _slope(image, corners, grad[b, y, x])
            gx, gy = gx * sizes[first, 1], gy * sizes[first, 0]
            if level.shape[0] > 0:
                corners = _corners(places, (b, y, x), second, True, wrap)
                hx, hy, other = _slope(image, corners, grad[b, y, x])
                gx += share * (hx * sizes[second, 1] - gx)
                gy += share * (hy * sizes[second, 0] - gy)
                grad_level[b, y, x] = other - value
            grad_uv[b, y, x, 0], grad_uv[b, y, x, 1] = gx, gy


@device
def _slope(image: Array, corners: Any, grad: Array) -> tuple[float, float, float]:
    """Gradient to the place in texels, and to a factor on the sampled colour."""
    i00, i01, i10, i11, wx, wy = corners
    gx = gy = value = 0.0
    for c in range(grad.shape[0]):
        p00, p01, p10, p11 = image[i00, c], image[i01, c], image[i10, c], image[i11, c]
        gx += grad[c] * ((p01 - p00) * (1 - wy) + (p11 - p10) * wy)
        gy += grad[c] * ((p10 - p00) * (1 - wx) + (p11 - p01) * wx)
        value += grad[c] * _mean(image, corners, c)
    return gx, gy, value


@kernel
def backward_texels(
    tasks: tuple[int, int],
    uv: Array,
    level: Array,
    sizes: Array,
    grad: Array,
    grad_texels: Array,
    modes: tuple[bool, bool],
    owners: Array,
) -> None:
    """Scatter to texels: each owner has some of them, so that no two write to one place."""
    (linear, wrap), places = modes, (uv, sizes, _starts(sizes))
    for worker in range(*tasks):
        mine = owners == worker
        for b in range(uv.shape[0]):
            target = grad_texels[b % grad_texels.shape[0]]
            for y in range(uv.shape[1]):
                for x in range(uv.shape[2]):
                    first, second, share = _blend(level, (b, y, x), sizes.shape[0])
                    for at, weight in ((first, 1 - share), (second, share)):
                        if weight > 0:
                            corners = _corners(places, (b, y, x), at, linear, wrap)
                            _scatter(target, mine, corners, weight, grad[b, y, x])


@device
def _scatter(target: Array, mine: Array, corners: Any, weight: float, grad: Array) -> None:
    i00, i01, i10, i11, wx, wy = corners
    for i, part in (
        (i00, (1 - wx) * (1 - wy)),
        (i01, wx * (1 - wy)),
        (i10, (1 - wx) * wy),
        (i11, wx * wy),
    ):
        if mine[i >> _BLOCK_BITS]:
            for c in range(grad.shape[0]):
                target[i, c] += grad[c] * part * weight
