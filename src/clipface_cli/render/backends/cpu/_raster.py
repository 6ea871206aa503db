"""Kernels of rasterising: weights, depth and derivatives of the pixels that triangles cover."""

from typing import Any, TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel, parallel
from clipface_cli.render.backends.cpu._visibility import BANDS, band, fill_band, plan, workspace

Vector: TypeAlias = tuple[float, float, float]

_CHUNKS = 8  # gradients to vertices are summed in this many fixed parts


def forward(pos: Array, tri: Array, ranges: Array, rast: Array, rast_db: Array, cull: bool) -> None:
    """Fill rast and rast_db (B, H, W, 4); image b shows the triangles `ranges[b]`."""
    planned = plan(pos, tri, ranges, rast.shape[1], rast.shape[2], cull)
    parallel(_forward, len(rast) * BANDS, pos, tri, planned, rast, rast_db, cull)


@kernel
def _forward(
    tasks: tuple[int, int],
    pos: Array,
    tri: Array,
    planned: Any,
    rast: Array,
    rast_db: Array,
    cull: bool,
) -> None:
    height, width = rast.shape[1:3]
    work = workspace(height, width)
    for task in range(*tasks):
        b, rows = task // BANDS, band(task % BANDS, height)
        fill_band(pos, tri, planned, b, rows, (height, width), cull, work)
        for y in range(*rows):
            ids, mesh = work[0][y - rows[0]], pos[b % len(pos)]
            _write_row(mesh, tri, ids, y, height, rast[b, y], rast_db[b, y])


def vertex_parts(pos: Array) -> Array:
    """Zeros (M, chunks, V, 4) in which kernels sum gradients to vertices chunk by chunk."""
    return np.zeros((len(pos), max(1, _CHUNKS // len(pos)), pos.shape[1], 4))


@device
def line(pos: Array, i: int, j: int) -> Vector:
    """The line through two vertices in the image: cross product of their (x, y, w)."""
    xi, yi, wi = np.float64(pos[i, 0]), np.float64(pos[i, 1]), np.float64(pos[i, 3])
    xj, yj, wj = np.float64(pos[j, 0]), np.float64(pos[j, 1]), np.float64(pos[j, 3])
    return yi * wj - wi * yj, wi * xj - xi * wj, xi * yj - yi * xj


@device
def lines_of(pos: Array, tri: Array, f: int) -> tuple[Vector, Vector, Vector]:
    """The lines opposite to a triangle's corners."""
    t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
    return line(pos, t1, t2), line(pos, t2, t0), line(pos, t0, t1)


@device
def at(n: Vector, fx: float, fy: float) -> float:
    """A line's value at a point of the image."""
    return n[0] * fx + n[1] * fy + n[2]


@device
def reciprocal(x: float) -> float:
    """1 / x, or 0 for 0."""
    return 1 / x if x != 0 else 0.0


@device
def inner(u: float, v: float) -> tuple[float, float]:
    """Move weights into the triangle: snapping may let it cover a pixel just outside."""
    u = min(max(u, 0.0), 1.0)
    return u, min(max(v, 0.0), 1 - u)


@device
def _write_row(
    pos: Array, tri: Array, ids: Array, y: int, height: int, rast: Array, db: Array
) -> None:
    """Weights, their derivatives, and depth of each pixel of a row from the triangle it sees."""
    width = rast.shape[0]
    fy = (2 * y + 1) / height - 1
    n0 = n1 = n2 = (0.0, 0.0, 0.0)
    t0 = t1 = t2 = 0
    seen = -1
    for x in range(width):
        f = ids[x]
        if f < 0:
            for c in range(4):
                rast[x, c] = db[x, c] = 0
            continue
        if f != seen:
            seen = f
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            n0, n1, n2 = lines_of(pos, tri, f)
        fx = (2 * x + 1) / width - 1
        a0, a1, a2 = at(n0, fx, fy), at(n1, fx, fy), at(n2, fx, fy)
        inverse = reciprocal(a0 + a1 + a2)
        u, v = inner(a0 * inverse, a1 * inverse)
        z = a0 * pos[t0, 2] + a1 * pos[t1, 2] + a2 * pos[t2, 2]
        w = a0 * pos[t0, 3] + a1 * pos[t1, 3] + a2 * pos[t2, 3]
        rast[x, 0], rast[x, 1] = u, v
        rast[x, 2] = min(max(z * reciprocal(w), -1.0), 1.0)
        rast[x, 3] = f + 1
        sx, sy = n0[0] + n1[0] + n2[0], n0[1] + n1[1] + n2[1]
        db[x, 0] = (n0[0] - u * sx) * inverse * 2 / width
        db[x, 1] = (n0[1] - u * sy) * inverse * 2 / height
        db[x, 2] = (n1[0] - v * sx) * inverse * 2 / width
        db[x, 3] = (n1[1] - v * sy) * inverse * 2 / height


@kernel
def backward(
    tasks: tuple[int, int],
    pos: Array,
    tri: Array,
    rast: Array,
    grad_rast: Array,
    grad_db: Array,
    parts: Array,
) -> None:
    """Sum into parts (M, chunks, V, 4); chunk k owns rows k, k + chunks, ... of its images."""
    batch, height = rast.shape[:2]
    meshes, chunks = parts.shape[:2]
    for task in range(*tasks):
        m, k = task // chunks, task % chunks
        images = batch // meshes
        for row in range(k, images * height, chunks):
            b, y = m * images + row // height, row % height
            grads = grad_rast[b, y], grad_db[b, y]
            _backward_row(pos[m], tri, rast[b, y], y, height, grads, parts[m, k])


@device
def _backward_row(
    pos: Array,
    tri: Array,
    rast: Array,
    y: int,
    height: int,
    grads: tuple[Array, Array],
    part: Array,
) -> None:
    """Sum over each run of pixels of one triangle, then pass the run's sum to its vertices."""
    grad_rast, grad_db = grads
    width = rast.shape[0]
    fy = (2 * y + 1) / height - 1
    run = np.zeros((3, 3))
    n0 = n1 = n2 = (0.0, 0.0, 0.0)
    t0 = t1 = t2 = 0
    seen = -1
    for x in range(width):
        f = np.int64(rast[x, 3]) - 1
        if f < 0:
            continue
        if f != seen:
            if seen >= 0:
                _flush(pos, t0, t1, t2, run, part)
            seen = f
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            n0, n1, n2 = lines_of(pos, tri, f)
        fx = (2 * x + 1) / width - 1
        lines = n0, n1, n2
        _add_weights(lines, fx, fy, grad_rast[x, 0], grad_rast[x, 1], run)
        if grad_rast[x, 2] != 0:
            _add_depth(pos, (t0, t1, t2), lines, fx, fy, grad_rast[x, 2], run, part)
        if grad_db[x, 0] != 0 or grad_db[x, 1] != 0 or grad_db[x, 2] != 0 or grad_db[x, 3] != 0:
            _add_slopes(lines, fx, fy, grad_db[x], (2 / width, 2 / height), run)
    if seen >= 0:
        _flush(pos, t0, t1, t2, run, part)


@device
def _add_weights(lines: Any, fx: float, fy: float, gu: float, gv: float, run: Array) -> None:
    """Add a pixel's gradient of u and v to its triangle's three lines."""
    n0, n1, n2 = lines
    a0 = n0[0] * fx + n0[1] * fy + n0[2]
    a1 = n1[0] * fx + n1[1] * fy + n1[2]
    inverse = reciprocal(a0 + a1 + n2[0] * fx + n2[1] * fy + n2[2])
    u, v = a0 * inverse, a1 * inverse
    if v > 1 - min(max(u, 0.0), 1.0):
        gu -= gv
        gv = 0.0
    if v < 0:
        gv = 0.0
    if u > 1 or u < 0:
        gu = 0.0
    g2 = -(gu * u + gv * v) * inverse
    for i, g in enumerate((gu * inverse + g2, gv * inverse + g2, g2)):
        run[i, 0] += g * fx
        run[i, 1] += g * fy
        run[i, 2] += g


@device
def _add_slopes(lines: Any, fx: float, fy: float, grad: Array, scale: Any, run: Array) -> None:
    """Add a pixel's gradient of the derivatives of u and v to its triangle's three lines."""
    n0, n1, n2 = lines
    sx, sy = n0[0] + n1[0] + n2[0], n0[1] + n1[1] + n2[1]
    inverse = reciprocal(sx * fx + sy * fy + n0[2] + n1[2] + n2[2])
    u, v = inner(
        (n0[0] * fx + n0[1] * fy + n0[2]) * inverse, (n1[0] * fx + n1[1] * fy + n1[2]) * inverse
    )
    ux, uy = grad[0] * scale[0] * inverse, grad[1] * scale[1] * inverse
    vx, vy = grad[2] * scale[0] * inverse, grad[3] * scale[1] * inverse
    g = ux * (n0[0] - u * sx) + uy * (n0[1] - u * sy)
    g += vx * (n1[0] - v * sx) + vy * (n1[1] - v * sy)
    g *= -inverse
    for i in range(3):
        run[i, 0] += g * fx - ux * u - vx * v
        run[i, 1] += g * fy - uy * u - vy * v
        run[i, 2] += g
    run[0, 0] += ux
    run[0, 1] += uy
    run[1, 0] += vx
    run[1, 1] += vy
    _add_weights(lines, fx, fy, -ux * sx - uy * sy, -vx * sx - vy * sy, run)


@device
def _add_depth(
    pos: Array, corners: Any, lines: Any, fx: float, fy: float, grad: float, run: Array, part: Array
) -> None:
    """Add a pixel's gradient of z/w to its triangle's lines and its vertices' z and w."""
    z = w = 0.0
    for i in range(3):
        a = lines[i][0] * fx + lines[i][1] * fy + lines[i][2]
        z += a * pos[corners[i], 2]
        w += a * pos[corners[i], 3]
    inverse = reciprocal(w)
    if abs(z * inverse) > 1:
        return
    gz, gw = grad * inverse, -grad * z * inverse * inverse
    for i in range(3):
        a = lines[i][0] * fx + lines[i][1] * fy + lines[i][2]
        gi = gz * pos[corners[i], 2] + gw * pos[corners[i], 3]
        run[i, 0] += gi * fx
        run[i, 1] += gi * fy
        run[i, 2] += gi
        part[corners[i], 2] += gz * a
        part[corners[i], 3] += gw * a


@device
def _flush(pos: Array, t0: int, t1: int, t2: int, run: Array, part: Array) -> None:
    """Pass the lines' gradients (each a cross product) on to the vertices, and clear them."""
    _add_cross(run[1], pos[t2], part[t0], 1.0)
    _add_cross(run[2], pos[t1], part[t0], -1.0)
    _add_cross(run[2], pos[t0], part[t1], 1.0)
    _add_cross(run[0], pos[t2], part[t1], -1.0)
    _add_cross(run[0], pos[t1], part[t2], 1.0)
    _add_cross(run[1], pos[t0], part[t2], -1.0)
    run[:] = 0


@device
def _add_cross(g: Array, p: Array, target: Array, sign: float) -> None:
    """Add sign * (g x p) with p = (x, y, w) to a vertex's gradient."""
    target[0] += sign * (g[1] * p[3] - g[2] * p[1])
    target[1] += sign * (g[2] * p[0] - g[0] * p[3])
    target[3] += sign * (g[0] * p[1] - g[1] * p[0])
