"""Unlit textured heads on the CPU: the four operations as one step, with what is known fused.

Differs from calling them one by one in what a head allows: back faces are dropped (a head is
closed; through a mouth left out shows the background), a pixel is rasterised, interpolated and
sampled in one go, colours are planar, and images have row 0 at the top.
"""

from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._jit import Array, array, device, get_num_threads, kernel, prange
from clipface_cli.render._raster import Vector, inner, lines_of, reciprocal, vertex_parts
from clipface_cli.render._sampling import texel_owners
from clipface_cli.render._silhouettes import blend, blend_backward, find_edges
from clipface_cli.render._visibility import BANDS, band, fill_band, plan, whole, workspace

Topology: TypeAlias = tuple[Array, Array, Array]
Sums: TypeAlias = tuple[float, float, float, float, float, float]
Slope: TypeAlias = tuple[float, float]
Rows: TypeAlias = tuple[Array, Array, Array]
Quad: TypeAlias = tuple[int, int, int, int, float, float]

_ONE, _HALF = np.float32(1), np.float32(0.5)  # plain numbers would make float64 of float32


def draw(
    pos: Tensor, texture: Tensor, topology: Topology, resolution: int, background: Tensor
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; topology: faces
    (F, 3), the vertices across their edges (F, 3), and their corners' coordinates in the texture
    (F, 3, 2); background (1 or B, 3, 1 or H, 1 or W). Gradients reach pos and texture.
    """
    learns = torch.is_grad_enabled() and (pos.requires_grad or texture.requires_grad)
    image, alpha = _Draw.apply(  # type: ignore[no-untyped-call]
        pos, texture, topology, resolution, background, learns
    )
    return image, alpha


class _Draw(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        pos: Tensor,
        texture: Tensor,
        topology: Topology,
        resolution: int,
        background: Tensor,
        learns: bool,
    ) -> Any:
        faces, opposite, corners = topology
        points, texels, batch = array(pos), array(texture), len(pos)
        ids = np.empty((batch, resolution, resolution), np.int32)
        uv = np.empty((batch if learns else 0, resolution, resolution, 2), np.float32)
        image, alpha = (pos.new_empty(batch, n, resolution, resolution) for n in (3, 1))
        colors = array(image), array(alpha)
        ctx.edges, *ctx.differences = _draw_kernel(
            points,
            (faces, opposite, corners),
            texels,
            array(background),
            (ids, uv, *colors),
            get_num_threads(),
        )
        ctx.save_for_backward(pos, texture)
        ctx.topology, ctx.seen = topology, (ids, uv)
        ctx.set_materialize_grads(False)
        return image, alpha

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor | None, grad_alpha: Tensor | None) -> Any:
        (pos, texture), (faces, _, corners), (ids, uv) = ctx.saved_tensors, ctx.topology, ctx.seen
        points, texels = array(pos), array(texture)
        moves = np.zeros(pos.shape)
        for grad, difference in zip((grad_alpha, grad_image), ctx.differences[::-1], strict=True):
            if grad is not None:
                color = array(grad.clone(memory_format=torch.contiguous_format))
                blend_backward(_upright(color), points, difference, moves, *ctx.edges)
        grad_texture = grad_pos = None
        if grad_image is not None and ctx.needs_input_grad[1]:
            grad_texture = torch.zeros(texture.shape)
            owners = texel_owners(texels[0, 0].size, get_num_threads())
            _backward_texture_kernel(ids, uv, color, array(grad_texture), owners)
        if ctx.needs_input_grad[0]:
            if grad_image is not None:
                parts = vertex_parts(points)
                _backward_pos_kernel(
                    points, (faces, corners, texels), ids, uv, color, parts, get_num_threads()
                )
                moves += parts.sum(axis=1)
            grad_pos = torch.from_numpy(moves).to(pos.dtype)
        return grad_pos, grad_texture, None, None, None, None


@device
def _upright(planar: Array) -> Array:
    """(B, C, H, W) with row 0 at the top, seen as the operations' (B, H, W, C) from below."""
    return planar[:, :, ::-1].transpose(0, 2, 3, 1)


@device
def _draw_kernel(
    pos: Array, topology: Topology, tex: Array, background: Array, out: Any, workers: int
) -> tuple[tuple[Array, Array, Array], Array, Array]:
    """Fill ids, uv (unless empty) where something is seen, image and alpha.

    Returns the edges that were blended, and what `blend` says of the image and of alpha.
    """
    (tri, opposite, _), (ids, _, image, alpha) = topology, out
    planned = plan(pos, tri, whole(ids.shape[0], tri), ids.shape[1], ids.shape[2], True)
    _paint_bands(pos, topology, tex, background, planned, out, workers)
    edges = find_edges(ids, pos, tri, opposite, True, workers)
    return edges, blend(_upright(image), *edges), blend(_upright(alpha), *edges)


@kernel
def _paint_bands(
    pos: Array,
    topology: Topology,
    tex: Array,
    background: Array,
    planned: Any,
    out: Any,
    workers: int,
) -> None:
    (tri, _, corners), (ids, uv, image, alpha) = topology, out
    batch, height, width = ids.shape
    texels = tex.reshape((tex.shape[0], 3, tex.shape[2] * tex.shape[3]))
    size = tex.shape[2], tex.shape[3]
    for worker in prange(workers):
        work, scratch = workspace(height, width), np.empty((width, 2), np.float32)
        for task in range(worker, batch * BANDS, workers):
            b, rows = task // BANDS, band(task % BANDS, height)
            fill_band(pos, tri, planned, b, rows, True, work, ids[b])
            behind, mesh = background[b % background.shape[0]], (pos[b], tri, corners)
            for y in range(*rows):
                top = height - 1 - y
                seen, sky = ids[b, y], behind[:, min(top, behind.shape[1] - 1)]
                for c in range(3):
                    _clear_row(sky[c], image[b, c, top])
                place = uv[b, y] if uv.shape[0] > 0 else scratch
                _place_row(mesh, seen, (2 * y + 1) / height - 1, place)
                target = image[b, 0, top], image[b, 1, top], image[b, 2, top]
                _paint_row(seen, place, texels[b % tex.shape[0]], size, target, alpha[b, 0, top])


@device
def _clear_row(background: Array, row: Array) -> None:
    """Fill a row with one value or with as many as it has."""
    if background.shape[0] == 1:
        value = background[0]
        for x in range(row.shape[0]):
            row[x] = value
    else:
        row[:] = background


@device
def _place_row(mesh: Any, ids: Array, fy: float, uv: Array) -> None:
    """Where in the texture a row's pixels are."""
    pos, tri, corners = mesh
    step = 2 / ids.shape[0]
    n0 = n1 = n2 = (0.0, 0.0)
    s0 = t0 = s1 = t1 = s2 = t2 = np.float64(0)
    seen = -1
    for x in range(ids.shape[0]):
        f = ids[x]
        if f < 0:
            continue
        if f != seen:
            seen = f
            n0, n1, n2 = _row_lines(pos, tri, f, fy)
            s2, t2 = np.float64(corners[f, 2, 0]), np.float64(corners[f, 2, 1])
            s0, t0 = corners[f, 0, 0] - s2, corners[f, 0, 1] - t2
            s1, t1 = corners[f, 1, 0] - s2, corners[f, 1, 1] - t2
        fx = (x + 0.5) * step - 1
        a0, a1, a2 = n0[0] * fx + n0[1], n1[0] * fx + n1[1], n2[0] * fx + n2[1]
        inverse = reciprocal(a0 + a1 + a2)
        u, v = a0 * inverse, a1 * inverse
        if not (u >= 0 and v >= 0 and u + v <= 1):
            u, v = inner(u, v)
        uv[x, 0], uv[x, 1] = s2 + u * s0 + v * s1, t2 + u * t0 + v * t1


@device
def _paint_row(
    ids: Array, uv: Array, texels: Array, size: tuple[int, int], image: Rows, alpha: Array
) -> None:
    """Colours and coverage of a row's pixels."""
    (red, green, blue), (reds, greens, blues) = image, (texels[0], texels[1], texels[2])
    for x in range(ids.shape[0]):
        alpha[x] = ids[x] >= 0
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, j, k, m, wx, wy = _around(uv[x, 0], uv[x, 1], size)
            w3 = wx * wy
            w1, w2 = wx - w3, wy - w3
            w0 = _ONE - wx - w2
            red[x] = w0 * reds[i] + w1 * reds[j] + w2 * reds[k] + w3 * reds[m]
            green[x] = w0 * greens[i] + w1 * greens[j] + w2 * greens[k] + w3 * greens[m]
            blue[x] = w0 * blues[i] + w1 * blues[j] + w2 * blues[k] + w3 * blues[m]


@device
def _row_lines(pos: Array, tri: Array, f: int, fy: float) -> tuple[Slope, Slope, Slope]:
    """A triangle's three lines on a row: their slope along x, and their value at x = 0."""
    n0, n1, n2 = lines_of(pos, tri, f)
    return (
        (n0[0], n0[1] * fy + n0[2]),
        (n1[0], n1[1] * fy + n1[2]),
        (n2[0], n2[1] * fy + n2[2]),
    )


@device
def _around(s: float, t: float, size: tuple[int, int]) -> Quad:
    """The four texels around a place, border texels kept, and the weights of the second ones."""
    rows, columns = size
    x, y = s * np.float32(columns) - _HALF, t * np.float32(rows) - _HALF
    left, low = np.floor(x), np.floor(y)
    i, j = np.int64(left), np.int64(low)
    i0, i1 = min(max(i, 0), columns - 1), min(max(i + 1, 0), columns - 1)
    j0, j1 = min(max(j, 0), rows - 1) * columns, min(max(j + 1, 0), rows - 1) * columns
    return (
        np.uint64(j0 + i0),
        np.uint64(j0 + i1),
        np.uint64(j1 + i0),
        np.uint64(j1 + i1),
        x - left,
        y - low,
    )


@kernel
def _backward_texture_kernel(
    ids: Array, uv: Array, grad: Array, grad_tex: Array, owners: Array
) -> None:
    """Scatter to texels: each thread owns some of them, so that no two write to one place."""
    batch, height, width = ids.shape
    size = grad_tex.shape[2], grad_tex.shape[3]
    texels = grad_tex.reshape((grad_tex.shape[0], 3, size[0] * size[1]))
    for worker in prange(owners.max() + 1):
        mine = owners == worker
        for row in range(batch * height):
            b, y = row // height, row % height
            target, top = texels[b % texels.shape[0]], height - 1 - y
            color = grad[b, 0, top], grad[b, 1, top], grad[b, 2, top]
            for x in range(width):
                if ids[b, y, x] >= 0:
                    i, j, k, m, wx, wy = _around(uv[b, y, x, 0], uv[b, y, x, 1], size)
                    w3 = wx * wy
                    w1, w2 = wx - w3, wy - w3
                    g = color[0][x], color[1][x], color[2][x]
                    _scatter(target, mine, i, _ONE - wx - w2, g)
                    _scatter(target, mine, j, w1, g)
                    _scatter(target, mine, k, w2, g)
                    _scatter(target, mine, m, w3, g)


@device
def _scatter(target: Array, mine: Array, texel: int, weight: float, color: Vector) -> None:
    if mine[texel >> np.uint64(10)]:
        target[0, texel] += weight * color[0]
        target[1, texel] += weight * color[1]
        target[2, texel] += weight * color[2]


@kernel
def _backward_pos_kernel(
    pos: Array, mesh: Any, ids: Array, uv: Array, grad: Array, parts: Array, workers: int
) -> None:
    """Sum gradients to vertices into parts (B, chunks, V, 4), each of a stretch of rows."""
    tri, corners, tex = mesh
    batch, height, width = ids.shape
    texels = tex.reshape((tex.shape[0], 3, tex.shape[2] * tex.shape[3]))
    size, chunks = (tex.shape[2], tex.shape[3]), parts.shape[1]
    for worker in prange(workers):
        sums, found = np.zeros((tri.shape[0], 10)), np.empty(tri.shape[0], np.int32)
        slopes = np.empty((width, 2), np.float32)
        for task in range(worker, batch * chunks, workers):
            b, k = task // chunks, task % chunks
            n, head = 0, (pos[b], tri, corners)
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
    ids: Array, uv: Array, texels: Array, size: tuple[int, int], color: Rows, slopes: Array
) -> None:
    """Gradients (W, 2) of a row's colours to their place in the texture."""
    rows, columns = np.float32(size[0]), np.float32(size[1])
    planes = texels[0], texels[1], texels[2]
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, j, k, m, wx, wy = _around(uv[x, 0], uv[x, 1], size)
            gs = gt = np.float32(0)
            for c in range(3):
                plane, g = planes[c], color[c][x]
                low, left = plane[j] - plane[i], plane[k] - plane[i]
                twist = (plane[m] - plane[k]) - low
                gs += g * (low + wy * twist)
                gt += g * (left + wx * twist)
            slopes[x, 0], slopes[x, 1] = gs * columns, gt * rows


@device
def _sum_row(mesh: Any, row: Any, sums: Array, found: Array, n: int) -> int:
    """Add the gradients to the three lines of a row's triangles to sums (F, 10).

    The tenth column says whether a triangle has any.

    Triangles that had none are added to the n in found; returns how many there are then.
    """
    (pos, tri, corners), (ids, slopes, fy) = mesh, row
    step = 2 / ids.shape[0]
    n0 = n1 = n2 = (0.0, 0.0)
    s0 = t0 = s1 = t1 = 0.0
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
            n0, n1, n2 = _row_lines(pos, tri, f, fy)
            s2, t2 = np.float64(corners[f, 2, 0]), np.float64(corners[f, 2, 1])
            s0, t0 = corners[f, 0, 0] - s2, corners[f, 0, 1] - t2
            s1, t1 = corners[f, 1, 0] - s2, corners[f, 1, 1] - t2
        gu = slopes[x, 0] * s0 + slopes[x, 1] * t0
        gv = slopes[x, 0] * s1 + slopes[x, 1] * t1
        fx = (x + 0.5) * step - 1
        a0, a1, a2 = n0[0] * fx + n0[1], n1[0] * fx + n1[1], n2[0] * fx + n2[1]
        inverse = reciprocal(a0 + a1 + a2)
        u, v = a0 * inverse, a1 * inverse
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
