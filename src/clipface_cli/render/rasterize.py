"""Rasterise triangles: which triangle each pixel sees, and where on it.

Vertices snap to 1/256 of a pixel, so coverage is exact integer arithmetic: an edge that two
triangles share gives each pixel to one of them. Triangles are clipped to the depth range first.
The nearest triangle wins a pixel, at equal depth the one listed first.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._check import check_finite, check_float, check_triangles
from clipface_cli.render._jit import Array, array, device, get_num_threads, indices, kernel, prange

Vector: TypeAlias = tuple[float, float, float]

_SUBPIXEL = 256
_GUARD = 64.0  # clip at this many half images from the centre, so that integers cannot overflow
BANDS = 16  # an image is filled in this many bands of rows, each by one thread
_CHUNKS = 16  # gradients to vertices are summed in this many fixed parts
_LARGEST = 16384


def rasterize(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Rasterise triangles in clip space; nvdiffrast's `rasterize` without the context.

    Args:
        pos: (B, V, 4) vertices x, y, z, w in clip space; seen where -w <= z <= w.
        tri: (F, 3) vertex indices.
        resolution: height and width in pixels; row 0 is at y = -1.

    Returns:
        rast: (B, H, W, 4) weights u, v of the triangle's first two vertices (perspective
            correct), depth z/w, and triangle id + 1; zeros where there is no triangle.
        rast_db: (B, H, W, 4) derivatives du/dX, du/dY, dv/dX, dv/dY per pixel.

    Gradients reach `pos` from u, v, z/w and the derivatives. float64 takes the reference's path.
    Raises ValueError on bad arguments.
    """
    if pos.dtype == torch.float64:
        return rasterize_ref(pos, tri, resolution)
    _check(pos, tri, resolution)
    rast, rast_db = _Rasterize.apply(pos, tri, *resolution)  # type: ignore[no-untyped-call]
    return rast, rast_db


def _check(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> None:
    check_float("pos", pos, (None, None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[1])
    if len(resolution) != 2 or not all(0 < int(size) <= _LARGEST for size in resolution):
        raise ValueError(f"resolution must be (height, width) in 1..{_LARGEST}, not {resolution}")


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, pos: Tensor, tri: Tensor, height: int, width: int) -> Any:
        rast, rast_db = (pos.new_empty(len(pos), height, width, 4) for _ in range(2))
        arrays = array(pos), indices(tri), array(rast), array(rast_db)
        _forward_kernel(*arrays, get_num_threads())
        ctx.save_for_backward(pos, tri, rast)
        return rast, rast_db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_rast: Tensor, grad_db: Tensor) -> Any:
        pos, tri, rast = ctx.saved_tensors
        parts = vertex_parts(array(pos))
        arrays = array(pos), indices(tri), array(rast), array(grad_rast), array(grad_db)
        _backward_kernel(*arrays, parts)
        return torch.from_numpy(parts.sum(axis=1)).to(pos.dtype), None, None, None


def vertex_parts(pos: Array) -> Array:
    """Zeros (B, chunks, V, 4) in which kernels sum gradients to vertices chunk by chunk."""
    return np.zeros((len(pos), max(1, _CHUNKS // len(pos)), pos.shape[1], 4))


@kernel
def _forward_kernel(pos: Array, tri: Array, rast: Array, rast_db: Array, workers: int) -> None:
    batch, height, width = rast.shape[:3]
    points = project(pos, height, width)
    rows = row_ranges(points, tri, height, width, False)
    for worker in prange(workers):
        work = workspace(height, width)
        for task in range(worker, batch * BANDS, workers):
            b, (low, high) = task // BANDS, band(task % BANDS, height)
            mesh = pos[b], tri, points[b], rows[b]
            rasterize_band(mesh, low, high, False, work, rast[b])
            for y in range(low, high):
                _write_row_db(pos[b], tri, rast[b, y], y, height, rast_db[b, y])


@device
def band(index: int, height: int) -> tuple[int, int]:
    """First row and the row after the last of one of BANDS parts of an image."""
    rows = (height + BANDS - 1) // BANDS
    return min(index * rows, height), min((index + 1) * rows, height)


@device
def workspace(height: int, width: int) -> tuple[Array, Array, Array]:
    """What a thread needs to rasterise bands: ids, depths, and polygons to clip."""
    rows = (height + BANDS - 1) // BANDS
    ids, depth = np.empty((rows, width), np.int32), np.empty((rows, width), np.float64)
    return ids, depth, np.empty((2, 9, 4), np.float64)


@device
def rasterize_band(mesh: Any, low: int, high: int, cull: bool, work: Any, rast: Array) -> None:
    """Fill rows [low, high) of rast (H, W, 4); `cull` drops back faces."""
    pos, tri, points, rows = mesh
    ids, depth, polygon = work
    height, width = rast.shape[:2]
    ids[:] = -1
    depth[:] = np.inf
    for f in range(tri.shape[0]):
        if rows[f, 0] >= high or rows[f, 1] < low:
            continue
        p0, p1, p2 = points[tri[f, 0]], points[tri[f, 1]], points[tri[f, 2]]
        if p0[3] + p1[3] + p2[3] > 0:
            n = _clip(pos, tri[f], height, width, polygon)
            for k in range(1, n - 1):
                p0, p1, p2 = polygon[0, 0], polygon[0, k], polygon[0, k + 1]
                _fill(p0, p1, p2, f, ids, depth, (low, high), cull)
        else:
            _fill(p0, p1, p2, f, ids, depth, (low, high), cull)
    for y in range(low, high):
        _write_row(pos, tri, ids[y - low], y, height, rast[y])


@device
def _snap(x: float, y: float, z: float, w: float, height: int, width: int, point: Array) -> None:
    """Write a vertex in 1/256 pixels, its depth, and 0 as it needs no clipping."""
    point[0] = np.rint((x / w * 0.5 + 0.5) * width * _SUBPIXEL)
    point[1] = np.rint((y / w * 0.5 + 0.5) * height * _SUBPIXEL)
    point[2] = z / w
    point[3] = 0.0


@device
def project(pos: Array, height: int, width: int) -> Array:
    """(B, V, 4): x and y in 1/256 pixels, z/w, and 1 where the vertex must be clipped away."""
    points = np.empty(pos.shape, np.float64)
    vertices = pos.shape[1]
    for i in range(pos.shape[0] * vertices):
        b, j = i // vertices, i % vertices
        x, y = np.float64(pos[b, j, 0]), np.float64(pos[b, j, 1])
        z, w = np.float64(pos[b, j, 2]), np.float64(pos[b, j, 3])
        if w > 0 and abs(z) <= w and abs(x) <= _GUARD * w and abs(y) <= _GUARD * w:
            _snap(x, y, z, w, height, width, points[b, j])
        else:
            points[b, j, 3] = 1.0
    return points


@device
def row_ranges(points: Array, tri: Array, height: int, width: int, cull: bool) -> Array:
    """(B, F, 2) first and last row with pixel centres a triangle can cover (last < first: none)."""
    faces = tri.shape[0]
    rows = np.empty((points.shape[0], faces, 2), np.int32)
    for i in range(points.shape[0] * faces):
        b, f = i // faces, i % faces
        p0, p1, p2 = points[b, tri[f, 0]], points[b, tri[f, 1]], points[b, tri[f, 2]]
        if p0[3] + p1[3] + p2[3] > 0:
            rows[b, f, 0], rows[b, f, 1] = 0, height - 1
            continue
        area = (p1[0] - p0[0]) * (p2[1] - p0[1]) - (p2[0] - p0[0]) * (p1[1] - p0[1])
        left, right = _centres(p0[0], p1[0], p2[0], 0, width)
        if area == 0 or left > right or (cull and area < 0):
            rows[b, f, 0], rows[b, f, 1] = 0, -1
        else:
            rows[b, f, 0], rows[b, f, 1] = _centres(p0[1], p1[1], p2[1], 0, height)
    return rows


@device
def _centres(a: float, b: float, c: float, low: int, high: int) -> tuple[int, int]:
    """First and last pixel of [low, high) whose centre lies between three coordinates."""
    first = (np.int64(min(a, b, c)) + 127) >> 8
    last = (np.int64(max(a, b, c)) - 128) >> 8
    return max(first, low), min(last, high - 1)


@device
def _fill(
    p0: Array,
    p1: Array,
    p2: Array,
    f: int,
    ids: Array,
    depth: Array,
    rows: tuple[int, int],
    cull: bool,
) -> None:
    """Draw one triangle into a band of rows [low, high): nearest wins, then first listed."""
    low, high = rows
    x0, y0, z0 = np.int64(p0[0]), np.int64(p0[1]), p0[2]
    x1, y1, z1 = np.int64(p1[0]), np.int64(p1[1]), p1[2]
    x2, y2, z2 = np.int64(p2[0]), np.int64(p2[1]), p2[2]
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if area == 0 or (cull and area < 0):
        return
    if area < 0:
        x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
        area = -area
    left, right = _centres(p0[0], p1[0], p2[0], 0, depth.shape[1])
    bottom, top = _centres(p0[1], p1[1], p2[1], low, high)
    px, py = left * 256 + 128, bottom * 256 + 128
    row0 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
    row1 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)
    row2 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
    bias0, bias1, bias2 = _bias(x1, y1, x2, y2), _bias(x2, y2, x0, y0), _bias(x0, y0, x1, y1)
    for y in range(bottom, top + 1):
        e0, e1, e2 = row0, row1, row2
        for x in range(left, right + 1):
            if ((e0 - bias0) | (e1 - bias1) | (e2 - bias2)) >= 0:
                z = (e0 * z0 + e1 * z1 + e2 * z2) / area
                if z < depth[y - low, x]:
                    depth[y - low, x] = z
                    ids[y - low, x] = f
            e0, e1, e2 = e0 - (y2 - y1) * 256, e1 - (y0 - y2) * 256, e2 - (y1 - y0) * 256
        row0, row1, row2 = row0 + (x2 - x1) * 256, row1 + (x0 - x2) * 256, row2 + (x1 - x0) * 256


@device
def _bias(ax: int, ay: int, bx: int, by: int) -> int:
    """0 if pixel centres on the edge a-b belong to this triangle, 1 if to its neighbour."""
    return np.int64(0) if by > ay or (by == ay and bx < ax) else np.int64(1)


@device
def _clip(pos: Array, corners: Array, height: int, width: int, polygon: Array) -> int:
    """Clip a triangle to the depth range and the guard band; corners as points to polygon[0]."""
    n = 3
    for k in range(3):
        for c in range(4):
            polygon[0, k, c] = pos[corners[k], c]
    for plane in range(6):
        source, target = polygon[plane % 2], polygon[1 - plane % 2]
        n = _clip_plane(source, n, plane, target)
    for k in range(n):
        x, y, z, w = polygon[0, k]
        _snap(x, y, z, w, height, width, polygon[0, k])
    return n if n >= 3 else 0


@device
def _inside(plane: int, point: Array) -> float:
    """Signed distance of a clip-space point to a plane: near, far, right, left, top, bottom."""
    if plane == 0:
        return point[3] + point[2]
    if plane == 1:
        return point[3] - point[2]
    axis = (plane - 2) // 2
    side = 1.0 if plane % 2 else -1.0
    return _GUARD * point[3] + side * point[axis]


@device
def _clip_plane(source: Array, n: int, plane: int, target: Array) -> int:
    """Keep the polygon's part inside a plane; cuts run from inside out, the same for both sides."""
    kept = 0
    for k in range(n):
        here, there = source[k], source[(k + 1) % n]
        d0, d1 = _inside(plane, here), _inside(plane, there)
        if d0 >= 0:
            target[kept] = here
            kept += 1
        if (d0 >= 0) != (d1 >= 0):
            if d0 >= 0:
                target[kept] = here + d0 / (d0 - d1) * (there - here)
            else:
                target[kept] = there + d1 / (d1 - d0) * (here - there)
            kept += 1
    return kept


@device
def line(pos: Array, i: int, j: int) -> Vector:
    """The line through two vertices in the image: cross product of their (x, y, w)."""
    xi, yi, wi = np.float64(pos[i, 0]), np.float64(pos[i, 1]), np.float64(pos[i, 3])
    xj, yj, wj = np.float64(pos[j, 0]), np.float64(pos[j, 1]), np.float64(pos[j, 3])
    return yi * wj - wi * yj, wi * xj - xi * wj, xi * yj - yi * xj


@device
def _reciprocal(x: float) -> float:
    return 1 / x if x != 0 else 0.0


@device
def _weights(u: float, v: float) -> tuple[float, float]:
    """Move weights into the triangle: snapping may let it cover a pixel just outside."""
    u = min(max(u, 0.0), 1.0)
    return u, min(max(v, 0.0), 1 - u)


@device
def _write_row(pos: Array, tri: Array, ids: Array, y: int, height: int, rast: Array) -> None:
    """Weights and depth of each pixel of a row from the triangle it sees."""
    width = rast.shape[0]
    fy = (2 * y + 1) / height - 1
    n0 = n1 = n2 = (0.0, 0.0, 0.0)
    t0 = t1 = t2 = 0
    seen = -1
    for x in range(width):
        f = ids[x]
        if f < 0:
            rast[x, 0], rast[x, 1], rast[x, 2], rast[x, 3] = 0, 0, 0, 0
            continue
        if f != seen:
            seen = f
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            n0, n1, n2 = line(pos, t1, t2), line(pos, t2, t0), line(pos, t0, t1)
        fx = (2 * x + 1) / width - 1
        a0 = n0[0] * fx + n0[1] * fy + n0[2]
        a1 = n1[0] * fx + n1[1] * fy + n1[2]
        a2 = n2[0] * fx + n2[1] * fy + n2[2]
        inverse = _reciprocal(a0 + a1 + a2)
        u, v = _weights(a0 * inverse, a1 * inverse)
        z = a0 * pos[t0, 2] + a1 * pos[t1, 2] + a2 * pos[t2, 2]
        w = a0 * pos[t0, 3] + a1 * pos[t1, 3] + a2 * pos[t2, 3]
        rast[x, 0], rast[x, 1] = u, v
        rast[x, 2] = min(max(z * _reciprocal(w), -1.0), 1.0)
        rast[x, 3] = f + 1


@device
def _write_row_db(pos: Array, tri: Array, rast: Array, y: int, height: int, db: Array) -> None:
    """Derivatives of a row's weights per pixel, from rast's ids."""
    width = rast.shape[0]
    fy = (2 * y + 1) / height - 1
    for x in range(width):
        f = np.int64(rast[x, 3]) - 1
        if f < 0:
            db[x, 0], db[x, 1], db[x, 2], db[x, 3] = 0, 0, 0, 0
            continue
        t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
        n0, n1, n2 = line(pos, t1, t2), line(pos, t2, t0), line(pos, t0, t1)
        fx = (2 * x + 1) / width - 1
        sx, sy = n0[0] + n1[0] + n2[0], n0[1] + n1[1] + n2[1]
        inverse = _reciprocal(sx * fx + sy * fy + n0[2] + n1[2] + n2[2])
        a0 = n0[0] * fx + n0[1] * fy + n0[2]
        a1 = n1[0] * fx + n1[1] * fy + n1[2]
        u, v = _weights(a0 * inverse, a1 * inverse)
        db[x, 0] = (n0[0] - u * sx) * inverse * 2 / width
        db[x, 1] = (n0[1] - u * sy) * inverse * 2 / height
        db[x, 2] = (n1[0] - v * sx) * inverse * 2 / width
        db[x, 3] = (n1[1] - v * sy) * inverse * 2 / height


@kernel
def _backward_kernel(
    pos: Array, tri: Array, rast: Array, grad_rast: Array, grad_db: Array, parts: Array
) -> None:
    """Sum gradients to vertices into parts (B, chunks, V, 4); chunk k owns rows k, k + chunks..."""
    chunks, height = parts.shape[1], rast.shape[1]
    for task in prange(parts.shape[0] * chunks):
        b, k = task // chunks, task % chunks
        for y in range(k, height, chunks):
            _backward_row(
                pos[b], tri, rast[b, y], y, height, grad_rast[b, y], grad_db[b, y], parts[b, k]
            )


@device
def _backward_row(
    pos: Array,
    tri: Array,
    rast: Array,
    y: int,
    height: int,
    grad_rast: Array,
    grad_db: Array,
    part: Array,
) -> None:
    """Sum over each run of pixels of one triangle, then pass the run's sum to its vertices."""
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
                flush(pos, t0, t1, t2, run, part)
            seen = f
            t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
            n0, n1, n2 = line(pos, t1, t2), line(pos, t2, t0), line(pos, t0, t1)
        fx = (2 * x + 1) / width - 1
        lines = n0, n1, n2
        add_weights(lines, fx, fy, grad_rast[x, 0], grad_rast[x, 1], run)
        if grad_rast[x, 2] != 0:
            _add_depth(pos, (t0, t1, t2), lines, fx, fy, grad_rast[x, 2], run, part)
        _add_slopes(lines, fx, fy, grad_db[x], (2 / width, 2 / height), run)
    if seen >= 0:
        flush(pos, t0, t1, t2, run, part)


@device
def add_weights(lines: Any, fx: float, fy: float, gu: float, gv: float, run: Array) -> None:
    """Add a pixel's gradient of u and v to its triangle's three lines."""
    n0, n1, n2 = lines
    a0 = n0[0] * fx + n0[1] * fy + n0[2]
    a1 = n1[0] * fx + n1[1] * fy + n1[2]
    inverse = _reciprocal(a0 + a1 + n2[0] * fx + n2[1] * fy + n2[2])
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
    inverse = _reciprocal(sx * fx + sy * fy + n0[2] + n1[2] + n2[2])
    u, v = _weights(
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
    add_weights(lines, fx, fy, -ux * sx - uy * sy, -vx * sx - vy * sy, run)


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
    inverse = _reciprocal(w)
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
def flush(pos: Array, t0: int, t1: int, t2: int, run: Array, part: Array) -> None:
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


def rasterize_ref(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """The same as `rasterize` in plain PyTorch: slow, one triangle after another."""
    _check(pos, tri, resolution)
    height, width = resolution
    ids = torch.stack([_visible_ref(mesh, tri, height, width) for mesh in pos.detach().double()])
    images = torch.arange(len(pos))[:, None, None, None]
    corners = pos[images, tri.long()[ids.clamp(min=0)]]  # (B, H, W, 3 corners, xyzw)
    points = corners[..., [0, 1, 3]]
    lines = torch.linalg.cross(points[..., [1, 2, 0], :], points[..., [2, 0, 1], :])
    fx = (2 * torch.arange(width, dtype=pos.dtype) + 1) / width - 1
    fy = (2 * torch.arange(height, dtype=pos.dtype) + 1) / height - 1
    a = lines[..., 0] * fx[:, None] + lines[..., 1] * fy[:, None, None] + lines[..., 2]
    inverse = _reciprocal_ref(a.sum(-1))
    u, free_v = (a[..., 0] * inverse).clamp(0, 1), a[..., 1] * inverse
    v = torch.where(free_v > 1 - u, 1 - u, free_v.clamp(min=0))
    depth = (a * corners[..., 2]).sum(-1) * _reciprocal_ref((a * corners[..., 3]).sum(-1))
    rast = torch.stack([u, v, depth.clamp(-1, 1), (ids + 1).to(pos.dtype)], -1)
    per_pixel = pos.new_tensor([2 / width, 2 / height]) * inverse[..., None]
    du = (lines[..., 0, :2] - u[..., None] * lines[..., :2].sum(-2)) * per_pixel
    dv = (lines[..., 1, :2] - v[..., None] * lines[..., :2].sum(-2)) * per_pixel
    covered, nothing = (ids >= 0)[..., None], pos.new_zeros(())
    return torch.where(covered, rast, nothing), torch.where(
        covered, torch.cat([du, dv], -1), nothing
    )


def _reciprocal_ref(x: Tensor) -> Tensor:
    return torch.where(x == 0, 0, 1 / torch.where(x == 0, 1, x))


def _visible_ref(pos: Tensor, tri: Tensor, height: int, width: int) -> Tensor:
    """Id (H, W) of the nearest triangle at each pixel centre, -1 for none."""
    ids = torch.full((height, width), -1)
    nearest = torch.full((height, width), torch.inf, dtype=torch.float64)
    py, px = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    px, py = px * _SUBPIXEL + _SUBPIXEL // 2, py * _SUBPIXEL + _SUBPIXEL // 2
    for f, corners in enumerate(tri.tolist()):
        polygon = _clip_ref([pos[c] for c in corners])
        for k in range(1, len(polygon) - 1):
            fan = torch.stack([polygon[0], polygon[k], polygon[k + 1]])
            screen = (fan[:, :2] / fan[:, 3:] * 0.5 + 0.5) * torch.tensor([width, height])
            (x0, y0), (x1, y1), (x2, y2) = (screen * _SUBPIXEL).round().long().tolist()
            z0, z1, z2 = (fan[:, 2] / fan[:, 3]).tolist()
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if area == 0:
                continue
            if area < 0:
                area, x1, y1, z1, x2, y2, z2 = -area, x2, y2, z2, x1, y1, z1
            e0, in0 = _edge_ref(px, py, x1, y1, x2, y2)
            e1, in1 = _edge_ref(px, py, x2, y2, x0, y0)
            e2, in2 = _edge_ref(px, py, x0, y0, x1, y1)
            z = (e0.double() * z0 + e1.double() * z1 + e2.double() * z2) / area
            seen = in0 & in1 & in2 & (z < nearest)
            ids[seen], nearest[seen] = f, z[seen]
    return ids


def _edge_ref(px: Tensor, py: Tensor, ax: int, ay: int, bx: int, by: int) -> tuple[Tensor, Tensor]:
    """Edge function of a-b at the pixels, and which of them are on this triangle's side."""
    e = (bx - ax) * (py - ay) - (by - ay) * (px - ax)
    owns_edge = by > ay or (by == ay and bx < ax)
    return e, (e >= 0) if owns_edge else (e > 0)


def _clip_ref(polygon: list[Tensor]) -> list[Tensor]:
    """Clip a polygon in clip space to the depth range and the guard band."""
    planes = [[0, 0, 1, 1], [0, 0, -1, 1], [-1, 0, 0, _GUARD], [1, 0, 0, _GUARD]]
    for plane in torch.tensor([*planes, [0, -1, 0, _GUARD], [0, 1, 0, _GUARD]]).double():
        kept = []
        for here, there in zip(polygon, polygon[1:] + polygon[:1], strict=True):
            d0, d1 = plane @ here, plane @ there
            if d0 >= 0:
                kept.append(here)
            if d0 >= 0 > d1:
                kept.append(here + d0 / (d0 - d1) * (there - here))
            if d1 >= 0 > d0:
                kept.append(there + d1 / (d1 - d0) * (here - there))
        polygon = kept
    return polygon
