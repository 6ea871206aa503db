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
    if not wrap:
        return min(max(i, 0), size - 1)
    return i + size if -size <= i < 0 else i % size  # a division takes long


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
    uv: Array, x: int, level: tuple[int, int, int], linear: bool, wrap: bool
) -> tuple[int, int, int, int, float, float]:
    """Texels of a level around pixel x of a row (00, 01, 10, 11), and the second ones' weights.

    uv (W, 2); level: its rows, columns and first texel. Unsigned, as numba tests others for
    negative ones at each use.
    """
    u, v, (rows, columns, start) = uv[x, 0], uv[x, 1], level
    if not linear:
        at = np.uint64(start + _nearest(v, rows, wrap) * columns + _nearest(u, columns, wrap))
        return at, at, at, at, 0.0, 0.0
    i0, i1, wx = bilinear(u, columns, wrap)
    j0, j1, wy = bilinear(v, rows, wrap)
    first, second = start + j0 * columns, start + j1 * columns
    return (
        np.uint64(first + i0),
        np.uint64(first + i1),
        np.uint64(second + i0),
        np.uint64(second + i1),
        wx,
        wy,
    )


@device
def _level(sizes: Array, starts: Array, at: int) -> tuple[int, int, int]:
    """Rows, columns and first texel of level `at`."""
    return sizes[at, 0], sizes[at, 1], starts[at]


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
    starts = _starts(sizes)
    for row in range(*tasks):
        b, y = row // height, row % height
        image, places, colours = texels[b % texels.shape[0]], uv[b, y], out[b, y]
        for x in range(width):
            first, second, share = _blend(level, (b, y, x), sizes.shape[0])
            corners = _corners(places, x, _level(sizes, starts, first), linear, wrap)
            for c in range(out.shape[3]):
                colours[x, c] = _mean(image, corners, c)
            if share > 0:
                corners = _corners(places, x, _level(sizes, starts, second), linear, wrap)
                for c in range(out.shape[3]):
                    colours[x, c] += share * (_mean(image, corners, c) - colours[x, c])


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
    starts = _starts(sizes)
    for row in range(*tasks):
        b, y = row // height, row % height
        image, places, given = texels[b % texels.shape[0]], uv[b, y], grad[b, y]
        for x in range(width):
            first, second, share = _blend(level, (b, y, x), sizes.shape[0])
            corners = _corners(places, x, _level(sizes, starts, first), True, wrap)
            gx, gy = _slope(image, corners, given, x)
            gx, gy = gx * sizes[first, 1], gy * sizes[first, 0]
            if level.shape[0] > 0:
                finer = corners
                corners = _corners(places, x, _level(sizes, starts, second), True, wrap)
                hx, hy = _slope(image, corners, given, x)
                gx += share * (hx * sizes[second, 1] - gx)
                gy += share * (hy * sizes[second, 0] - gy)
                change = 0.0
                for c in range(given.shape[1]):
                    change += given[x, c] * (_mean(image, corners, c) - _mean(image, finer, c))
                grad_level[b, y, x] = change
            grad_uv[b, y, x, 0], grad_uv[b, y, x, 1] = gx, gy


@device
def _slope(image: Array, corners: Any, grad: Array, x: int) -> tuple[float, float]:
    """Gradient to the place of pixel x, in texels."""
    i00, i01, i10, i11, wx, wy = corners
    gx = gy = 0.0
    for c in range(grad.shape[1]):
        p00, p01, p10, p11 = image[i00, c], image[i01, c], image[i10, c], image[i11, c]
        gx += grad[x, c] * ((p01 - p00) * (1 - wy) + (p11 - p10) * wy)
        gy += grad[x, c] * ((p10 - p00) * (1 - wx) + (p11 - p01) * wx)
    return gx, gy


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
    (linear, wrap), starts = modes, _starts(sizes)
    for worker in range(*tasks):
        mine = owners == worker
        for row in range(uv.shape[0] * uv.shape[1]):
            b, y = row // uv.shape[1], row % uv.shape[1]
            target, places, given = grad_texels[b % grad_texels.shape[0]], uv[b, y], grad[b, y]
            for x in range(uv.shape[2]):
                if not _any(given, x):
                    continue
                first, second, share = _blend(level, (b, y, x), sizes.shape[0])
                for at, weight in ((first, 1 - share), (second, share)):
                    if weight > 0:
                        corners = _corners(places, x, _level(sizes, starts, at), linear, wrap)
                        _scatter(target, mine, corners, weight, given, x)


@device
def _any(grad: Array, x: int) -> bool:
    """Whether a pixel has a gradient at all: where nothing is seen it has none."""
    for c in range(grad.shape[1]):  # noqa: SIM110 - `any` would make an array
        if grad[x, c] != 0:
            return True
    return False


@device
def _scatter(target: Array, mine: Array, corners: Any, weight: float, grad: Array, x: int) -> None:
    i00, i01, i10, i11, wx, wy = corners
    for i, part in (
        (i00, (1 - wx) * (1 - wy)),
        (i01, wx * (1 - wy)),
        (i10, (1 - wx) * wy),
        (i11, wx * wy),
    ):
        if mine[i >> np.uint64(_BLOCK_BITS)]:
            for c in range(grad.shape[1]):
                target[i, c] += grad[x, c] * part * weight
