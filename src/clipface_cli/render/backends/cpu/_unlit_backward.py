"""Kernels of the gradients of painted heads: to the texture and to the vertices."""

from typing import Any, TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel
from clipface_cli.render.backends.cpu._unlit_setup import (
    ONE,
    Planes,
    empty_setups,
    next_texels,
    set_up_triangle,
    texel_at,
    texel_scale,
    weights_at,
)

Sums: TypeAlias = tuple[float, float, float, float, float, float]  # of a run of pixels

_STRIP = 64  # rows of texels to which one thread sums gradients


@kernel
def backward_texture(
    tasks: tuple[int, int],
    ids: Array,
    uv: Array,
    grad: Array,
    grad_tex: Array,
    corners: Array,
    workers: int,
) -> None:
    """Scatter to texels: each worker owns strips of rows, so that no two write to one place.

    Triangles whose corners lie in one strip are scattered by its owner without further tests.
    """
    batch, height = ids.shape[:2]
    size = grad_tex.shape[2], grad_tex.shape[3]
    texels = grad_tex.reshape((grad_tex.shape[0], 3, size[0] * size[1]))
    for worker in range(*tasks):
        shares = _shares(corners, size[0], workers, worker)
        for row in range(batch * height):
            b, y = row // height, row % height
            top = height - 1 - y
            color = grad[b, 0, top], grad[b, 1, top], grad[b, 2, top]
            owner = workers, worker
            _scatter_row(
                ids[b, y], uv[b, y], color, texels[b % texels.shape[0]], size, shares, owner
            )


@device
def _shares(corners: Array, rows: int, workers: int, worker: int) -> Array:
    """(F,) how many of a triangle's texels this thread may own: 0 none, 1 some, 2 all of them."""
    shares = np.empty(corners.shape[0], np.uint8)
    for f in range(corners.shape[0]):
        t0, t1, t2 = corners[f, 0, 1], corners[f, 1, 1], corners[f, 2, 1]
        first = _strip(np.int64(min(t0, t1, t2) * rows) - 1, rows)
        last = _strip(np.int64(max(t0, t1, t2) * rows) + 1, rows)
        shares[f] = 1 if first < last else 2 * (first % workers == worker)
    return shares


@device
def _strip(row: int, rows: int) -> int:
    """The strip of a row of texels, the last one's for rows beyond it."""
    return min(max(row, 0), rows - 1) // _STRIP


@device
def _scatter_row(
    ids: Array,
    uv: Array,
    color: Planes,
    texels: Array,
    size: tuple[int, int],
    shares: Array,
    owner: tuple[int, int],
) -> None:
    (right, up), (workers, worker) = next_texels(size), owner
    reds, greens, blues, strip = texels[0], texels[1], texels[2], _STRIP * size[1]
    for x in range(ids.shape[0]):
        if ids[x] < 0 or shares[ids[x]] == 0:
            continue
        i, wx, wy = texel_at(uv[x, 0], uv[x, 1], size)
        w3 = wx * wy
        w1, w2 = wx - w3, wy - w3
        w0 = ONE - wx - w2
        red, green, blue = color[0][x], color[1][x], color[2][x]
        owned = shares[ids[x]] == 2
        if owned or np.int64(i) // strip % workers == worker:
            j = i + right
            reds[i] += w0 * red
            greens[i] += w0 * green
            blues[i] += w0 * blue
            reds[j] += w1 * red
            greens[j] += w1 * green
            blues[j] += w1 * blue
        if owned or np.int64(i + up) // strip % workers == worker:
            k = i + up
            m = k + right
            reds[k] += w2 * red
            greens[k] += w2 * green
            blues[k] += w2 * blue
            reds[m] += w3 * red
            greens[m] += w3 * green
            blues[m] += w3 * blue


@kernel
def backward_pos(
    tasks: tuple[int, int],
    pos: Array,
    mesh: Any,
    ids: Array,
    uv: Array,
    grad: Array,
    parts: Array,
) -> None:
    """Sum gradients to vertices into parts (B, chunks, V, 4), each of a stretch of rows."""
    tri, corners, tex = mesh
    height, width = ids.shape[1:]
    texels = tex.reshape((tex.shape[0], 3, tex.shape[2] * tex.shape[3]))
    size, chunks = (tex.shape[2], tex.shape[3]), parts.shape[1]
    sums, found = np.zeros((tri.shape[0], 10)), np.empty(tri.shape[0], np.int32)
    prepared = empty_setups(tri)
    slopes = np.empty((width, 2), np.float32)
    for task in range(*tasks):
        b, k = task // chunks, task % chunks
        n, head = 0, (pos[b], tri, corners, prepared, task)
        for y in range(height * k // chunks, height * (k + 1) // chunks):
            top = height - 1 - y
            color = grad[b, 0, top], grad[b, 1, top], grad[b, 2, top]
            _slope_row(ids[b, y], uv[b, y], texels[b % tex.shape[0]], size, color, slopes)
            row = ids[b, y], slopes, (2 * y + 1) / height - 1
            n = _sum_row(head, row, sums, found, n)
        for i in range(n):
            _pass_on(pos[b], tri, found[i], sums, parts[b, k])
            sums[found[i]] = 0


@device
def _slope_row(
    ids: Array, uv: Array, texels: Array, size: tuple[int, int], color: Planes, slopes: Array
) -> None:
    """Gradients (W, 2) of a row's colours to their place in the texture."""
    (right, up), planes = next_texels(size), (texels[0], texels[1], texels[2])
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, wx, wy = texel_at(uv[x, 0], uv[x, 1], size)
            j, k, m = i + right, i + up, i + right + up
            gs = gt = np.float32(0)
            for c in range(3):
                plane, g = planes[c], color[c][x]
                low, left = plane[j] - plane[i], plane[k] - plane[i]
                twist = (plane[m] - plane[k]) - low
                gs += g * (low + wy * twist)
                gt += g * (left + wx * twist)
            slopes[x, 0] = gs * texel_scale(uv[x, 0], size[1])
            slopes[x, 1] = gt * texel_scale(uv[x, 1], size[0])


@device
def _sum_row(mesh: Any, row: Any, sums: Array, found: Array, n: int) -> int:
    """Add the gradients to the three lines of a row's triangles to sums (F, 10).

    The tenth column says whether a triangle has any.

    Triangles that had none are added to the n in found; returns how many there are then.
    """
    (pos, tri, corners, (setups, tasks), task), (ids, slopes, fy) = mesh, row
    step = 2 / ids.shape[0]
    x0 = x1 = x2 = g0 = g1 = g2 = 0.0
    seen = -1
    for x in range(ids.shape[0]):
        f = ids[x]
        if f < 0:
            continue
        if f != seen:
            if seen >= 0:
                n = _add_run(sums, found, n, seen, (x0, x1, x2, g0, g1, g2), fy)
            x0 = x1 = x2 = g0 = g1 = g2 = 0.0
            seen = f
            if tasks[f] != task:
                tasks[f] = task
                set_up_triangle(pos, tri, corners, f, setups)
        setup = setups[f]
        gu = slopes[x, 0] * setup[9] + slopes[x, 1] * setup[10]
        gv = slopes[x, 0] * setup[11] + slopes[x, 1] * setup[12]
        fx = (x + 0.5) * step - 1
        u, v, inverse = weights_at(setup, fx, fy)
        if not (u >= 0 and v >= 0 and u + v <= 1):
            gu, gv = _free(u, v, gu, gv)
        gu, gv = gu * inverse, gv * inverse
        shared = -(gu * u + gv * v)
        gu, gv = gu + shared, gv + shared
        x0, x1, x2 = x0 + gu * fx, x1 + gv * fx, x2 + shared * fx
        g0, g1, g2 = g0 + gu, g1 + gv, g2 + shared
    if seen >= 0:
        n = _add_run(sums, found, n, seen, (x0, x1, x2, g0, g1, g2), fy)
    return n


@device
def _add_run(sums: Array, found: Array, n: int, f: int, run: Sums, fy: float) -> int:
    """Add a run of pixels to its triangle's sums."""
    x0, x1, x2, g0, g1, g2 = run
    if sums[f, 9] == 0:
        sums[f, 9] = 1
        found[n] = f
        n += 1
    sums[f, 0] += x0
    sums[f, 1] += g0 * fy
    sums[f, 2] += g0
    sums[f, 3] += x1
    sums[f, 4] += g1 * fy
    sums[f, 5] += g1
    sums[f, 6] += x2
    sums[f, 7] += g2 * fy
    sums[f, 8] += g2
    return n


@device
def _free(u: float, v: float, gu: float, gv: float) -> tuple[float, float]:
    """Gradients of the weights where they were not moved into the triangle."""
    if v > 1 - min(max(u, 0.0), 1.0):
        gu -= gv
        gv = 0.0
    return gu if 0 <= u <= 1 else 0.0, gv if v >= 0 else 0.0


@device
def _pass_on(pos: Array, tri: Array, f: int, sums: Array, part: Array) -> None:
    """Pass the gradients of a triangle's lines, each a cross product, to its corners."""
    i, j, k = tri[f, 0], tri[f, 1], tri[f, 2]
    line0, line1, line2 = sums[f, 0:3], sums[f, 3:6], sums[f, 6:9]
    _add_cross(part, i, line1, pos, k, 1.0)
    _add_cross(part, i, line2, pos, j, -1.0)
    _add_cross(part, j, line2, pos, i, 1.0)
    _add_cross(part, j, line0, pos, k, -1.0)
    _add_cross(part, k, line0, pos, j, 1.0)
    _add_cross(part, k, line1, pos, i, -1.0)


@device
def _add_cross(part: Array, to: int, g: Array, pos: Array, vertex: int, sign: float) -> None:
    """Add sign * (g x p) with p = (x, y, w) of a vertex to another's gradient."""
    x, y, w = sign * pos[vertex, 0], sign * pos[vertex, 1], sign * pos[vertex, 3]
    part[to, 0] += g[1] * w - g[2] * y
    part[to, 1] += g[2] * x - g[0] * w
    part[to, 3] += g[0] * y - g[1] * x
