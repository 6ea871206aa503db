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

from clipface_cli.geometry.jit import Array, array, device, get_num_threads, indices, kernel, prange
from clipface_cli.render.backends.cpu._raster import inner, lines_of, reciprocal, vertex_parts
from clipface_cli.render.backends.cpu._silhouettes import blend, blend_backward, find_edges
from clipface_cli.render.backends.cpu._visibility import (
    BANDS,
    band,
    fill_band,
    plan,
    whole,
    workspace,
)
from clipface_cli.render.backends.protocol import Mesh

Topology: TypeAlias = tuple[Array, Array, Array]  # faces, what lies across edges, corners' UV
Sums: TypeAlias = tuple[float, float, float, float, float, float]
Rows: TypeAlias = tuple[Array, Array, Array]

_CHUNK = 8  # images that are worked through at a time
_STRIP = 64  # rows of texels that one thread sums gradients to

# Plain numbers would make float64 of float32.
_ZERO, _HALF, _ONE = np.float32(0), np.float32(0.5), np.float32(1)


def draw(
    pos: Tensor, texture: Tensor, mesh: Mesh, resolution: int, background: Tensor
) -> tuple[Tensor, Tensor]:
    """Images (B, 3, H, W) and coverage (B, 1, H, W), antialiased.

    pos (B, V, 4) in clip space; texture (1 or B, 3, R, R) with row 0 at the top; background
    (1 or B, 3, 1 or H, 1 or W). Gradients reach pos and texture.
    """
    topology = indices(mesh.faces), indices(mesh.topology), array(mesh.corner_uv)
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
        points, texels, behind = array(pos), array(texture), array(background)
        batch, size = len(points), (resolution, resolution)
        image = np.empty((batch, 3, *size), np.float32)  # unlike PyTorch, NumPy asks for huge pages
        alpha = np.empty((batch, 1, *size), np.float32)
        kept = batch if learns else min(batch, _CHUNK)
        ids = np.empty((kept, *size), np.int32)
        uv = np.empty((kept if learns else 0, *size, 2), np.float32)
        ctx.blends = []
        for some in _chunks(batch):
            seen = some if learns else slice(0, some.stop - some.start)
            out = ids[seen], uv[seen], image[some], alpha[some]
            tex, sky = _items(texels, some), _items(behind, some)
            blended = _draw_kernel(points[some], topology, tex, sky, out, get_num_threads())
            ctx.blends.append(blended)
        ctx.save_for_backward(pos, texture)
        ctx.topology, ctx.seen = topology, (ids, uv)
        ctx.set_materialize_grads(False)
        return torch.from_numpy(image), torch.from_numpy(alpha)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad_image: Tensor | None, grad_alpha: Tensor | None) -> Any:
        (pos, texture), (ids, uv), workers = ctx.saved_tensors, ctx.seen, get_num_threads()
        points, texels, moves = array(pos), array(texture), np.zeros(pos.shape)
        grad_texture = np.zeros(texels.shape, np.float32)
        for some, (edges, *differences) in zip(_chunks(len(points)), ctx.blends, strict=True):
            mesh, own = points[some], moves[some]
            if grad_alpha is not None:
                _unblended(grad_alpha[some], mesh, differences[1], own, edges)
            if grad_image is None:
                continue
            color = _unblended(grad_image[some], mesh, differences[0], own, edges)
            if ctx.needs_input_grad[1]:
                sums = _items(grad_texture, some)
                _backward_texture_kernel(ids[some], uv[some], color, sums, ctx.topology[2], workers)
            if ctx.needs_input_grad[0]:
                parts, skin = vertex_parts(mesh), _items(texels, some)
                head = ctx.topology[0], ctx.topology[2], skin
                _backward_pos_kernel(mesh, head, ids[some], uv[some], color, parts, workers)
                own += parts.sum(axis=1)
        learns_texture = grad_image is not None and ctx.needs_input_grad[1]
        return (
            torch.from_numpy(moves).to(pos.dtype) if ctx.needs_input_grad[0] else None,
            torch.from_numpy(grad_texture) if learns_texture else None,
            *[None] * 4,
        )


def _chunks(batch: int) -> list[slice]:
    """Parts of a batch whose passing results stay small."""
    return [slice(i, min(i + _CHUNK, batch)) for i in range(0, batch, _CHUNK)]


def _items(values: Array, some: slice) -> Array:
    """Some items' values, or the one that all share."""
    return values if len(values) == 1 else values[some]


def _unblended(grad: Tensor, pos: Array, difference: Array, moves: Array, edges: Any) -> Array:
    """Gradients to the picture before blending; those to vertices are added to moves."""
    before = np.empty(grad.shape, np.float32)
    torch.from_numpy(before).copy_(grad)
    blend_backward(_upright(before), pos, difference, moves, *edges)
    return before


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
        known = _nothing_known(tri)
        for task in range(worker, batch * BANDS, workers):
            b, rows = task // BANDS, band(task % BANDS, height)
            fill_band(pos, tri, planned, b, rows, (height, width), True, work)
            behind, mesh = background[b % background.shape[0]], (pos[b], tri, corners, known, task)
            for y in range(*rows):
                top = height - 1 - y
                ids[b, y] = work[0][y - rows[0], :width]
                seen, sky = ids[b, y], behind[:, min(top, behind.shape[1] - 1)]
                for c in range(3):
                    _clear_row(sky[c], image[b, c, top])
                place = uv[b, y] if uv.shape[0] > 0 else scratch
                _place_row(mesh, seen, (2 * y + 1) / height - 1, place)
                target = image[b, 0, top], image[b, 1, top], image[b, 2, top]
                _paint_row(seen, place, texels[b % tex.shape[0]], size, target, alpha[b, 0, top])


@device
def _nothing_known(tri: Array) -> tuple[Array, Array]:
    """Room for what `_find_out` says of triangles, and the task for which it did."""
    return np.empty((tri.shape[0], 16)), np.full(tri.shape[0], -1)


@device
def _find_out(pos: Array, tri: Array, corners: Array, f: int, facts: Array) -> None:
    """Write a triangle's lines: two, and the sum of all three, by which to divide.

    Then its corners in the texture, two from the third. Where there is no perspective the two lines
    are divided already and the last number says by what it was multiplied; else it is 0.
    """
    n0, n1, n2 = lines_of(pos, tri, f)
    i, j, k = tri[f, 0], tri[f, 1], tri[f, 2]
    flat = pos[i, 3] == 1 and pos[j, 3] == 1 and pos[k, 3] == 1
    inverse = reciprocal(n0[2] + n1[2] + n2[2]) if flat else 0.0
    scale = inverse if flat else 1.0
    for c in range(3):
        facts[f, c], facts[f, 3 + c] = n0[c] * scale, n1[c] * scale
        facts[f, 6 + c] = n0[c] + n1[c] + n2[c]
    for c in range(2):
        last = np.float64(corners[f, 2, c])
        facts[f, 9 + c] = corners[f, 0, c] - last
        facts[f, 11 + c] = corners[f, 1, c] - last
        facts[f, 13 + c] = last
    facts[f, 15] = inverse


@device
def _weights(fact: Array, fx: float, fy: float) -> tuple[float, float, float]:
    """A triangle's weights u, v at a point, perhaps outside, and by what they were multiplied."""
    u = fact[0] * fx + fact[1] * fy + fact[2]
    v = fact[3] * fx + fact[4] * fy + fact[5]
    if fact[15] != 0:
        return u, v, fact[15]
    inverse = reciprocal(fact[6] * fx + fact[7] * fy + fact[8])
    return u * inverse, v * inverse, inverse


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
    pos, tri, corners, (facts, tasks), task = mesh
    step = 2 / ids.shape[0]
    for x in range(ids.shape[0]):
        f = ids[x]
        if f < 0:
            continue
        if tasks[f] != task:
            tasks[f] = task
            _find_out(pos, tri, corners, f, facts)
        fact = facts[f]
        u, v, _ = _weights(fact, (x + 0.5) * step - 1, fy)
        if not (u >= 0 and v >= 0 and u + v <= 1):
            u, v = inner(u, v)
        uv[x, 0] = fact[13] + u * fact[9] + v * fact[11]
        uv[x, 1] = fact[14] + u * fact[10] + v * fact[12]


@device
def _paint_row(
    ids: Array, uv: Array, texels: Array, size: tuple[int, int], image: Rows, alpha: Array
) -> None:
    """Colours and coverage of a row's pixels."""
    (red, green, blue), (reds, greens, blues) = image, (texels[0], texels[1], texels[2])
    right, up = _next_texels(size)
    for x in range(ids.shape[0]):
        alpha[x] = ids[x] >= 0
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, wx, wy = _texel(uv[x, 0], uv[x, 1], size)
            j, k, m = i + right, i + up, i + right + up
            w3 = wx * wy
            w1, w2 = wx - w3, wy - w3
            w0 = _ONE - wx - w2
            red[x] = w0 * reds[i] + w1 * reds[j] + w2 * reds[k] + w3 * reds[m]
            green[x] = w0 * greens[i] + w1 * greens[j] + w2 * greens[k] + w3 * greens[m]
            blue[x] = w0 * blues[i] + w1 * blues[j] + w2 * blues[k] + w3 * blues[m]


@device
def _texel(s: float, t: float, size: tuple[int, int]) -> tuple[int, float, float]:
    """The first of the four texels around a place, kept inside, and the second ones' weights."""
    x, i = _along(s, size[1])
    y, j = _along(t, size[0])
    return np.uint64(j * size[1] + i), x - np.float32(i), y - np.float32(j)


@device
def _along(t: float, size: int) -> tuple[float, int]:
    """A coordinate in texels, kept between the first and the last, and the one before it."""
    x, last = t * np.float32(size) - _HALF, np.float32(size - 1)
    x = x if x > _ZERO else _ZERO
    x = x if x < last else last
    i = np.int64(x)
    return x, i if i < size - 1 else max(size - 2, 0)


@device
def _next_texels(size: tuple[int, int]) -> tuple[int, int]:
    """Steps from a texel to the next one along a row and in the row after."""
    return np.uint64(min(size[1] - 1, 1)), np.uint64(size[1] if size[0] > 1 else 0)


@kernel
def _backward_texture_kernel(
    ids: Array, uv: Array, grad: Array, grad_tex: Array, corners: Array, workers: int
) -> None:
    """Scatter to texels: each thread owns strips of rows, so that no two write to one place.

    A triangle whose corners lie in one strip is its owner's alone; at others all look.
    """
    batch, height = ids.shape[:2]
    size = grad_tex.shape[2], grad_tex.shape[3]
    texels = grad_tex.reshape((grad_tex.shape[0], 3, size[0] * size[1]))
    for worker in prange(workers):
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
    """(F,) which part of a thread each triangle's texels are: 0 none, 1 some, 2 all of them."""
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
    color: Rows,
    texels: Array,
    size: tuple[int, int],
    shares: Array,
    owner: tuple[int, int],
) -> None:
    (right, up), (workers, worker) = _next_texels(size), owner
    reds, greens, blues, strip = texels[0], texels[1], texels[2], _STRIP * size[1]
    for x in range(ids.shape[0]):
        if ids[x] < 0 or shares[ids[x]] == 0:
            continue
        i, wx, wy = _texel(uv[x, 0], uv[x, 1], size)
        w3 = wx * wy
        w1, w2 = wx - w3, wy - w3
        w0 = _ONE - wx - w2
        red, green, blue = color[0][x], color[1][x], color[2][x]
        alone = shares[ids[x]] == 2
        if alone or np.int64(i) // strip % workers == worker:
            j = i + right
            reds[i] += w0 * red
            greens[i] += w0 * green
            blues[i] += w0 * blue
            reds[j] += w1 * red
            greens[j] += w1 * green
            blues[j] += w1 * blue
        if alone or np.int64(i + up) // strip % workers == worker:
            k = i + up
            m = k + right
            reds[k] += w2 * red
            greens[k] += w2 * green
            blues[k] += w2 * blue
            reds[m] += w3 * red
            greens[m] += w3 * green
            blues[m] += w3 * blue


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
        known = _nothing_known(tri)
        slopes = np.empty((width, 2), np.float32)
        for task in range(worker, batch * chunks, workers):
            b, k = task // chunks, task % chunks
            n, head = 0, (pos[b], tri, corners, known, task)
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
    (right, up), planes = _next_texels(size), (texels[0], texels[1], texels[2])
    for x in range(ids.shape[0]):
        if ids[x] >= 0:
            i, wx, wy = _texel(uv[x, 0], uv[x, 1], size)
            j, k, m = i + right, i + up, i + right + up
            gs = gt = np.float32(0)
            for c in range(3):
                plane, g = planes[c], color[c][x]
                low, left = plane[j] - plane[i], plane[k] - plane[i]
                twist = (plane[m] - plane[k]) - low
                gs += g * (low + wy * twist)
                gt += g * (left + wx * twist)
            slopes[x, 0] = gs * _scale(uv[x, 0], size[1])
            slopes[x, 1] = gt * _scale(uv[x, 1], size[0])


@device
def _scale(t: float, size: int) -> float:
    """Texels a unit of a coordinate: none where the border texel goes on."""
    x = t * np.float32(size) - _HALF
    return np.float32(size) if _ZERO <= x < np.float32(size - 1) else _ZERO


@device
def _sum_row(mesh: Any, row: Any, sums: Array, found: Array, n: int) -> int:
    """Add the gradients to the three lines of a row's triangles to sums (F, 10).

    The tenth column says whether a triangle has any.

    Triangles that had none are added to the n in found; returns how many there are then.
    """
    (pos, tri, corners, (facts, tasks), task), (ids, slopes, fy) = mesh, row
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
                _find_out(pos, tri, corners, f, facts)
        fact = facts[f]
        gu = slopes[x, 0] * fact[9] + slopes[x, 1] * fact[10]
        gv = slopes[x, 0] * fact[11] + slopes[x, 1] * fact[12]
        fx = (x + 0.5) * step - 1
        u, v, inverse = _weights(fact, fx, fy)
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
