"""Rasterise triangles: which triangle each pixel sees, and where on it."""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render import _gpu
from clipface_cli.render._check import (
    check_device,
    check_finite,
    check_float,
    check_ranges,
    check_triangles,
)
from clipface_cli.render._jit import Array, array, device, get_num_threads, indices, kernel, prange
from clipface_cli.render._visibility import (
    BANDS,
    GUARD,
    SUBPIXEL,
    band,
    fill_band,
    plan,
    workspace,
)

Vector: TypeAlias = tuple[float, float, float]

_CHUNKS = 16  # gradients to vertices are summed in this many fixed parts
_LARGEST = 16384


def rasterize(
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Tensor | None = None,
    grad_db: bool = True,
) -> tuple[Tensor, Tensor]:
    """Rasterise triangles in clip space; nvdiffrast's `rasterize` without the context.

    Args:
        pos: (B, V, 4) vertices x, y, z, w in clip space, seen where -w <= z <= w; or (V, 4) for
            all images, of which each shows its own triangles.
        tri: (F, 3) vertex indices.
        resolution: height and width in pixels; row 0 is at y = -1.
        ranges: (B, 2) first triangle and number of triangles of each image where pos is (V, 4);
            else unused.
        grad_db: whether gradients of rast_db reach pos.

    Returns:
        rast: (B, H, W, 4) weights u, v of the triangle's first two vertices (perspective
            correct), depth z/w, and triangle id + 1; zeros where there is no triangle.
        rast_db: (B, H, W, 4) derivatives du/dX, du/dY, dv/dX, dv/dY per pixel.

    Gradients reach `pos` from u, v, z/w and the derivatives. float64 takes the reference's path.
    Raises ValueError on bad arguments.
    """
    spans = _check(pos, tri, resolution, ranges)
    if pos.is_cuda:
        return _gpu.rasterize(pos, tri, resolution, ranges, grad_db)
    if pos.dtype == torch.float64:
        return _rasterize_ref(pos, tri, resolution, spans, grad_db)
    rast, rast_db = _Rasterize.apply(  # type: ignore[no-untyped-call]
        pos, tri, spans, resolution, grad_db, False
    )
    return rast, rast_db


def rasterize_front(pos: Tensor, tri: Tensor, resolution: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """`rasterize` of float32 (B, V, 4) that drops triangles which turn clockwise.

    On a GPU what such a triangle hides stays hidden.
    """
    spans = _check(pos, tri, resolution, None)
    if pos.is_cuda:
        rast, rast_db = _gpu.rasterize(pos, tri, resolution, None, True)
        ids = rast[..., 3].long()
        points = pos.detach()[:, tri.long()][..., [0, 1, 3]]
        first, second, third = points.unbind(2)
        turn = (torch.linalg.cross(first, second) * third).sum(-1)
        front = torch.nn.functional.pad(turn > 0, (1, 0))
        seen = front.gather(1, ids.flatten(1)).view_as(ids)[..., None]
        return torch.where(seen, rast, 0), torch.where(seen, rast_db, 0)
    rast, rast_db = _Rasterize.apply(  # type: ignore[no-untyped-call]
        pos, tri, spans, resolution, True, True
    )
    return rast, rast_db


def _check(pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None) -> Tensor:
    """Check the arguments; returns first and last + 1 of each image's triangles (B, 2)."""
    whole = ranges is None or pos.ndim == 3
    check_float("pos", pos, (None, None, 4) if whole else (None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[-2])
    check_device("pos", pos, "tri", tri)
    if len(resolution) != 2 or not all(0 < int(size) <= _LARGEST for size in resolution):
        raise ValueError(f"resolution must be (height, width) in 1..{_LARGEST}, not {resolution}")
    if whole or ranges is None:
        return torch.tensor([[0, len(tri)]]).expand(len(pos), 2)
    check_ranges("ranges", ranges, len(tri))
    return ranges.long().cumsum(1)


class _Rasterize(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pos: Tensor,
        tri: Tensor,
        spans: Tensor,
        resolution: tuple[int, int],
        grad_db: bool,
        cull: bool,
    ) -> Any:
        rast, rast_db = (pos.new_empty(len(spans), *resolution, 4) for _ in range(2))
        arrays = _meshes(pos), indices(tri), indices(spans), array(rast), array(rast_db)
        _forward_kernel(*arrays, cull, get_num_threads())
        ctx.save_for_backward(pos, tri, rast)
        ctx.grad_db = grad_db
        ctx.set_materialize_grads(False)
        return rast, rast_db

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_rast: Tensor | None, grad_db: Tensor | None) -> Any:
        pos, tri, rast = ctx.saved_tensors
        nothing = rast.new_zeros(1, 1, 1, 4).expand(rast.shape)
        grad_rast = nothing if grad_rast is None else grad_rast
        grad_db = nothing if grad_db is None or not ctx.grad_db else grad_db
        meshes = _meshes(pos)
        parts = vertex_parts(meshes)
        arrays = array(rast), array(grad_rast), array(grad_db)
        _backward_kernel(meshes, indices(tri), *arrays, parts)
        grad_pos = torch.from_numpy(parts.sum(axis=1)).to(pos.dtype).view_as(pos)
        return grad_pos, None, None, None, None, None


def _meshes(pos: Tensor) -> Array:
    return array(pos if pos.ndim == 3 else pos[None])


def vertex_parts(pos: Array) -> Array:
    """Zeros (M, chunks, V, 4) in which kernels sum gradients to vertices chunk by chunk."""
    return np.zeros((len(pos), max(1, _CHUNKS // len(pos)), pos.shape[1], 4))


@kernel
def _forward_kernel(
    pos: Array,
    tri: Array,
    ranges: Array,
    rast: Array,
    rast_db: Array,
    cull: bool,
    workers: int,
) -> None:
    batch, height, width = rast.shape[:3]
    planned = plan(pos, tri, ranges, height, width, cull)
    for worker in prange(workers):
        work, ids = workspace(height, width), np.empty((height, width), np.int32)
        for task in range(worker, batch * BANDS, workers):
            b, rows = task // BANDS, band(task % BANDS, height)
            fill_band(pos, tri, planned, b, rows, cull, work, ids)
            for y in range(*rows):
                _write_row(pos[b % len(pos)], tri, ids[y], y, height, rast[b, y], rast_db[b, y])


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
def _backward_kernel(
    pos: Array, tri: Array, rast: Array, grad_rast: Array, grad_db: Array, parts: Array
) -> None:
    """Sum into parts (M, chunks, V, 4); chunk k owns rows k, k + chunks, ... of its images."""
    batch, height = rast.shape[:2]
    meshes, chunks = parts.shape[:2]
    for task in prange(meshes * chunks):
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


def rasterize_ref(
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Tensor | None = None,
    grad_db: bool = True,
) -> tuple[Tensor, Tensor]:
    """The same as `rasterize` in plain PyTorch: slow, one triangle after another."""
    return _rasterize_ref(pos, tri, resolution, _check(pos, tri, resolution, ranges), grad_db)


def _rasterize_ref(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], spans: Tensor, grad_db: bool
) -> tuple[Tensor, Tensor]:
    height, width = resolution
    pos = pos.expand(len(spans), -1, -1)
    meshes = zip(pos.detach().double(), spans.tolist(), strict=True)
    ids = torch.stack([_visible_ref(mesh, tri, span, height, width) for mesh, span in meshes])
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
    rast_db = torch.cat([du, dv], -1) if grad_db else torch.cat([du, dv], -1).detach()
    return torch.where(covered, rast, nothing), torch.where(covered, rast_db, nothing)


def _reciprocal_ref(x: Tensor) -> Tensor:
    return torch.where(x == 0, 0, 1 / torch.where(x == 0, 1, x))


def _visible_ref(pos: Tensor, tri: Tensor, span: list[int], height: int, width: int) -> Tensor:
    """Id (H, W) of the nearest triangle at each pixel centre, -1 for none."""
    ids = torch.full((height, width), -1)
    nearest = torch.full((height, width), torch.inf, dtype=torch.float64)
    py, px = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    px, py = px * SUBPIXEL + SUBPIXEL // 2, py * SUBPIXEL + SUBPIXEL // 2
    for f in range(*span):
        corners = tri[f].tolist()
        polygon = _clip_ref([pos[c] for c in corners])
        for k in range(1, len(polygon) - 1):
            fan = torch.stack([polygon[0], polygon[k], polygon[k + 1]])
            screen = (fan[:, :2] / fan[:, 3:] * 0.5 + 0.5) * torch.tensor([width, height])
            (x0, y0), (x1, y1), (x2, y2) = (screen * SUBPIXEL).round().long().tolist()
            z0, z1, z2 = (fan[:, 2] / fan[:, 3]).tolist()
            area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
            if area == 0:
                continue
            if area < 0:
                area, x1, y1, z1, x2, y2, z2 = -area, x2, y2, z2, x1, y1, z1
            _, in0 = _edge_ref(px, py, x1, y1, x2, y2)
            e1, in1 = _edge_ref(px, py, x2, y2, x0, y0)
            e2, in2 = _edge_ref(px, py, x0, y0, x1, y1)
            slope1, slope2 = (z1 - z0) / area, (z2 - z0) / area
            z = z0 + (e1.double() * slope1 + e2.double() * slope2)
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
    planes = [[0, 0, 1, 1], [0, 0, -1, 1], [-1, 0, 0, GUARD], [1, 0, 0, GUARD]]
    for plane in torch.tensor([*planes, [0, -1, 0, GUARD], [0, 1, 0, GUARD]]).double():
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
    return polygon if all(corner[3] > 0 for corner in polygon) else []
