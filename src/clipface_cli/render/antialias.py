"""Antialias silhouettes, and let gradients reach the vertices that form them.

Where a silhouette edge passes between two pixel centres, the pixel that it cuts takes the fitting
share of the other's colour. The edge is found by walking over the mesh from the pixel that sees the
nearer surface, so that it is found, too, where triangles are thinner than a pixel.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render._check import (
    check_finite,
    check_float,
    check_rast,
    check_same,
    check_triangles,
)
from clipface_cli.render._jit import Array, array, device, get_num_threads, indices, kernel, prange

_SLACK = 1 / 16  # an edge may miss the segment between two pixel centres by this much
_STEPS = 16  # triangles that a walk from one pixel to the next may cross


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: Tensor | None = None,
    pos_gradient_boost: float = 1.0,
) -> Tensor:
    """Blend pixels across silhouette edges; nvdiffrast's `antialias`.

    Args:
        color: (B, H, W, C) image to antialias.
        rast: (B, H, W, 4) from `rasterize` of the same pos and tri.
        pos: (B, V, 4) vertices in clip space.
        tri: (F, 3) vertex indices.
        topology_hash: from `antialias_construct_topology_hash(tri)`, to save its time.
        pos_gradient_boost: factor on the gradients to pos (float32 only).

    Returns:
        (B, H, W, C) colours.

    Gradients reach color and pos. float64 takes the reference's path. Raises ValueError on bad
    arguments.
    """
    if color.dtype == torch.float64:
        return antialias_ref(color, rast, pos, tri)
    opposite = _check(color, rast, pos, tri, topology_hash)
    out: Tensor = _Antialias.apply(  # type: ignore[no-untyped-call]
        color, rast, pos, tri, opposite, pos_gradient_boost
    )
    return out


def antialias_construct_topology_hash(tri: Tensor) -> Tensor:
    """(F, 3): across the edge opposite to each corner, the far corner, as 3 * triangle + corner.

    -1 where the edge is a border, or where more than two triangles meet.
    """
    edges = np.sort(indices(tri)[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    _, starts, counts = np.unique(edges[order], axis=0, return_index=True, return_counts=True)
    first = starts[counts == 2]
    opposite = np.full(len(edges), -1)
    opposite[order[first]] = order[first + 1]
    opposite[order[first + 1]] = order[first]
    return torch.from_numpy(opposite.reshape(-1, 3))


def antialias_ref(color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor) -> Tensor:
    """The same as `antialias` in plain PyTorch: slow, one pair of pixels after another."""
    opposite = _check(color, rast, pos, tri, None)
    edges = _edges_ref(rast.detach(), pos.detach().double(), tri.long(), opposite)
    b, y, x, axis, forward, near, far = torch.tensor(edges).reshape(-1, 7).unbind(1)
    screen = _screen_ref(pos, rast)
    pixel = torch.stack([x, y], 1)
    a0, a1 = (screen[b, vertex] - pixel for vertex in (near, far))
    along0, along1 = (a.gather(1, axis[:, None])[:, 0] for a in (a0, a1))
    across0, across1 = (a.gather(1, 1 - axis[:, None])[:, 0] for a in (a0, a1))
    step = 2 * forward - 1
    d = (along0 - across0 * (along1 - along0) / (across1 - across0)) * step
    share = 0.5 - d.clamp(0, 1)[:, None]
    here = b, y, x
    there = b, y + step * axis, x + step * (1 - axis)
    change = color[there] - color[here]
    out = color.index_put(here, share.clamp(min=0) * change, accumulate=True)
    return out.index_put(there, share.clamp(max=0) * change, accumulate=True)


def _screen_ref(pos: Tensor, rast: Tensor) -> Tensor:
    """Vertices (B, V, 2) in pixel indices."""
    size = pos.new_tensor([rast.shape[2], rast.shape[1]])
    return (pos[..., :2] / pos[..., 3:] * 0.5 + 0.5) * size - 0.5


def _edges_ref(rast: Tensor, pos: Tensor, tri: Tensor, opposite: Tensor) -> list[list[int]]:
    """Image, pixel y, x, axis, direction and edge of each outline between that pixel and the next.

    The pixel sees the nearer surface; axis 0 is x; direction 1 leads to the higher index.
    """
    screen, ahead = _screen_ref(pos, rast), (pos[..., 3] > 0)[:, tri].all(-1)
    outline = _outline_ref(screen, tri, opposite)
    edges = []
    for axis in range(2):
        first, second = (rast.narrow(2 - axis, at, rast.shape[2 - axis] - 1) for at in (0, 1))
        for b, y, x in torch.nonzero(first[..., 3] != second[..., 3]).tolist():
            (*_, z0, f0), (*_, z1, f1) = first[b, y, x].tolist(), second[b, y, x].tolist()
            forward = f1 == 0 or (f0 > 0 and z0 < z1)
            f, other = (int(f0), int(f1)) if forward else (int(f1), int(f0))
            pixel = (x, y) if forward else (x + 1 - axis, y + axis)
            mesh = screen[b], tri, opposite, outline[b], ahead[b]
            edge = _walk_ref(mesh, f - 1, other - 1, pixel, axis, forward)
            if edge is not None:
                edges.append([b, pixel[1], pixel[0], axis, int(forward), *edge])
    return edges


def _outline_ref(screen: Tensor, tri: Tensor, opposite: Tensor) -> Tensor:
    """(B, F, 3) whether the edge opposite to each corner is on the outline of its surface."""
    corners, far = screen[:, tri], screen[:, tri.flatten()[opposite]]
    p1, p2 = corners[:, :, [1, 2, 0]], corners[:, :, [2, 0, 1]]
    folded = (_area_ref(corners, p1, p2) >= 0) == (_area_ref(far, p1, p2) >= 0)
    return folded | (opposite < 0)


def _area_ref(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    ab, ac = b - a, c - a
    return ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]


def _walk_ref(
    mesh: tuple[Tensor, ...], f: int, other: int, pixel: tuple[int, int], axis: int, forward: bool
) -> tuple[int, int] | None:
    """The outline edge on the way to the next pixel, if it is steep enough to cut this axis."""
    screen, tri, opposite, outline, ahead = mesh
    if any(
        o >= 0 and o // 3 == other and not s for o, s in zip(opposite[f], outline[f], strict=True)
    ):
        return None
    entered = -1
    for _ in range(_STEPS):
        exits = []
        for i in range(3):
            a, b = int(tri[f, (i + 1) % 3]), int(tri[f, (i + 2) % 3])
            (along0, across0), (along1, across1) = (
                (float(screen[v, axis] - pixel[axis]), float(screen[v, 1 - axis] - pixel[1 - axis]))
                for v in (a, b)
            )
            if i != entered and (across0 > 0) != (across1 > 0):
                d = along0 - across0 * (along1 - along0) / (across1 - across0)
                steep = abs(across1 - across0) >= abs(along1 - along0)
                exits.append((d if forward else -d, -i, a, b, steep))
        if not ahead[f] or not exits:
            return None
        d, i, a, b, steep = max(exits)
        if outline[f, -i]:
            return (a, b) if steep and -_SLACK < d < 1 + _SLACK else None
        if d >= 1 + _SLACK:
            return None
        f, entered = divmod(int(opposite[f, -i]), 3)
    return None


def _check(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, opposite: Tensor | None
) -> Tensor:
    """Check the arguments; returns the topology."""
    check_float("pos", pos, (None, None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[1])
    check_rast("rast", rast, len(tri))
    check_float("color", color, (*rast.shape[:3], None))
    check_same("color", color, "rast", rast)
    check_same("color", color, "pos", pos)
    if len(pos) != len(rast):
        raise ValueError(f"pos must hold {len(rast)} meshes as rast does, not {len(pos)}")
    if opposite is None:
        return antialias_construct_topology_hash(tri)
    if opposite.shape != tri.shape or opposite.dtype != torch.int64:
        raise ValueError("topology_hash must come from antialias_construct_topology_hash(tri)")
    return opposite


class _Antialias(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,
        color: Tensor,
        rast: Tensor,
        pos: Tensor,
        tri: Tensor,
        opposite: Tensor,
        boost: float,
    ) -> Tensor:
        out = color.clone(memory_format=torch.contiguous_format)
        edges = find_edges(array(rast), array(pos), indices(tri), array(opposite))
        ctx.edges = edges
        ctx.difference = blend(array(out), *edges)
        ctx.boost = boost
        ctx.save_for_backward(pos)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (pos,) = ctx.saved_tensors
        grad_color = grad.clone(memory_format=torch.contiguous_format)
        moves = np.zeros(pos.shape)
        blend_backward(array(grad_color), array(pos), ctx.difference, moves, *ctx.edges)
        grad_pos = torch.from_numpy(moves * ctx.boost).to(pos.dtype)
        return grad_color, None, grad_pos, None, None, None


def find_edges(rast: Array, pos: Array, tri: Array, opposite: Array) -> tuple[Array, Array, Array]:
    """Find where outlines cut pixels.

    Returns the first item of each image and the end of the last (B + 1,), the items (N, 6) =
    (target y, target x, source y, source x, vertices of the edge), and the share (N,) of the
    source's colour that the target takes, negative where the target is not on the edge's surface.
    """
    batch, height, width = rast.shape[:3]
    meshes = *_outlines(pos, tri, opposite, height, width), tri, opposite
    counts = np.empty(batch * height, np.int64)
    items = np.empty((batch * height, 2 * width, 6), np.int32)  # only what is used costs memory
    shares = np.empty((batch * height, 2 * width))
    _find(rast, meshes, counts, items, shares, get_num_threads())
    starts = np.append(0, np.cumsum(counts))[::height].copy()
    return starts, *_gather(counts, items, shares)


@device
def _gather(counts: Array, items: Array, shares: Array) -> tuple[Array, Array]:
    """The rows' items and shares one after another."""
    total = counts.sum()
    all_items, all_shares = np.empty((total, 6), np.int32), np.empty(total)
    n = 0
    for row in range(counts.shape[0]):
        for k in range(counts[row]):
            all_items[n], all_shares[n] = items[row, k], shares[row, k]
            n += 1
    return all_items, all_shares


@device
def _outlines(
    pos: Array, tri: Array, opposite: Array, height: int, width: int
) -> tuple[Array, Array]:
    """Vertices (B, V, 2) in pixel indices, and each triangle's outline edges as bits (B, F).

    Bit i belongs to the edge opposite to corner i; bit 3 marks triangles not ahead of the camera.
    """
    batch, vertices, faces = pos.shape[0], pos.shape[1], tri.shape[0]
    screen = np.empty((batch, vertices, 2))
    for i in range(batch * vertices):
        b, v = i // vertices, i % vertices
        w = np.float64(pos[b, v, 3])
        screen[b, v, 0] = (pos[b, v, 0] / w * 0.5 + 0.5) * width - 0.5
        screen[b, v, 1] = (pos[b, v, 1] / w * 0.5 + 0.5) * height - 0.5
    outline = np.zeros((batch, faces), np.uint8)
    for i in range(batch * faces):
        b, f = i // faces, i % faces
        bits = 0
        for k in range(3):
            a, c, d = tri[f, k], tri[f, (k + 1) % 3], tri[f, (k + 2) % 3]
            far = opposite[f, k]
            if far < 0 or (_area(screen[b], tri[far // 3, far % 3], c, d) >= 0) == (
                _area(screen[b], a, c, d) >= 0
            ):
                bits |= 1 << k
            if pos[b, a, 3] <= 0:
                bits |= 8
        outline[b, f] = bits
    return screen, outline


@device
def _area(screen: Array, a: int, b: int, c: int) -> float:
    x, y = screen[a, 0], screen[a, 1]
    return (screen[b, 0] - x) * (screen[c, 1] - y) - (screen[b, 1] - y) * (screen[c, 0] - x)


@device
def _nearer(here: float, there: float, here_depth: float, there_depth: float) -> bool:
    """Whether the first of two pixels sees the nearer surface, from their ids + 1 and depths."""
    return there == 0 or (here > 0 and here_depth < there_depth)


@device
def _start(
    row: Array, x: int, next_row: Array, next_x: int, opposite: Array, outline: Array
) -> tuple[int, bool]:
    """Triangle + 1 from which to walk, and whether from the first pixel; 0 on joined surfaces.

    Joined are a triangle with itself, and two that share an inner edge.
    """
    here, there = row[x, 3], next_row[next_x, 3]
    if here == there:
        return 0, True
    forward = _nearer(here, there, row[x, 2], next_row[next_x, 2])
    f, other = np.int64(here) - 1, np.int64(there) - 1
    if not forward:
        f, other = other, f
    if other >= 0:
        for k in range(3):
            far = opposite[f, k]
            if far >= 0 and far // 3 == other and not (outline[f] >> k) & 1:
                return 0, True
    return f + 1, forward


@kernel
def _find(
    rast: Array, meshes: Any, counts: Array, items: Array, shares: Array, workers: int
) -> None:
    """Fill the items and shares of each row (B * H), and how many there are."""
    batch, height, width = rast.shape[:3]
    screen, outline, tri, opposite = meshes
    for worker in prange(workers):
        for row in range(worker, batch * height, workers):
            b, y, n = row // height, row % height, 0
            here, above, bits = rast[b, y], rast[b, min(y + 1, height - 1)], outline[b]
            mesh = screen[b], tri, opposite, bits
            for x in range(width):
                right = min(x + 1, width - 1)
                if here[x, 3] != here[right, 3]:
                    f, forward = _start(here, x, here, right, opposite, bits)
                    ends = (y, x, y, right) if forward else (y, right, y, x)
                    n += f > 0 and _cut(mesh, f - 1, ends, items[row], shares[row], n)
                if here[x, 3] != above[x, 3]:
                    f, forward = _start(here, x, above, x, opposite, bits)
                    ends = (y, x, y + 1, x) if forward else (y + 1, x, y, x)
                    n += f > 0 and _cut(mesh, f - 1, ends, items[row], shares[row], n)
            counts[row] = n


@device
def _cut(
    mesh: Any, f: int, ends: tuple[int, int, int, int], items: Array, shares: Array, n: int
) -> bool:
    """Fill item and share n if a steep outline passes between a pair of pixels."""
    screen, tri, _, _ = mesh
    y, x, y1, x1 = ends
    f, edge, d = _walk(mesh, f, ends)
    if edge < 0:
        return False
    a, b, axis = tri[f, (edge + 1) % 3], tri[f, (edge + 2) % 3], 1 if x == x1 else 0
    rise = screen[b, 1 - axis] - screen[a, 1 - axis]
    if abs(rise) < abs(screen[b, axis] - screen[a, axis]):
        return False
    shares[n] = 0.5 - min(max(d, 0.0), 1.0)
    if shares[n] < 0:
        y, x, y1, x1 = y1, x1, y, x
    for i, value in enumerate((y, x, y1, x1, a, b)):
        items[n, i] = value
    return True


@device
def _walk(mesh: Any, f: int, ends: tuple[int, int, int, int]) -> tuple[int, int, float]:
    """Walk over the mesh to the next pixel: triangle and edge of the outline on the way, or -1."""
    screen, tri, opposite, outline = mesh
    y, x, y1, x1 = ends
    axis, forward = 1 if x == x1 else 0, x1 + y1 > x + y
    entered = -1
    for _ in range(_STEPS):
        edge, best = -1, -np.inf
        for i in range(3):
            if i == entered:
                continue
            a, b = tri[f, (i + 1) % 3], tri[f, (i + 2) % 3]
            if (_across(screen, a, y, x, axis) > 0) != (_across(screen, b, y, x, axis) > 0):
                d = _distance(screen, a, b, y, x, axis, forward)
                if d > best:
                    edge, best = i, d
        if edge < 0 or outline[f] & 8:
            return f, -1, 0.0
        if (outline[f] >> edge) & 1:
            return f, edge if -_SLACK < best < 1 + _SLACK else -1, best
        if best >= 1 + _SLACK:
            return f, -1, 0.0
        f, entered = opposite[f, edge] // 3, opposite[f, edge] % 3
    return f, -1, 0.0


@device
def _across(screen: Array, vertex: int, y: int, x: int, axis: int) -> float:
    """A vertex's distance from the line through two neighbouring pixel centres."""
    return screen[vertex, 0] - x if axis else screen[vertex, 1] - y


@device
def _distance(screen: Array, a: int, b: int, y: int, x: int, axis: int, forward: bool) -> float:
    """Where edge a-b crosses that line, in pixels from the pixel toward its neighbour."""
    start, end = _across(screen, a, y, x, axis), _across(screen, b, y, x, axis)
    at = y if axis else x
    first, last = screen[a, axis] - at, screen[b, axis] - at
    d = first - start * (last - first) / (end - start)
    return d if forward else -d


@device
def blend(color: Array, starts: Array, items: Array, shares: Array) -> Array:
    """Blend color (B, H, W, C) in place; returns source minus target (N, C) before blending."""
    difference = np.empty((items.shape[0], color.shape[3]), color.dtype)
    for b in range(color.shape[0]):
        for n in range(starts[b], starts[b + 1]):
            y, x, y1, x1 = items[n, 0], items[n, 1], items[n, 2], items[n, 3]
            for c in range(color.shape[3]):
                difference[n, c] = color[b, y1, x1, c] - color[b, y, x, c]
        for n in range(starts[b], starts[b + 1]):
            for c in range(color.shape[3]):
                color[b, items[n, 0], items[n, 1], c] += abs(shares[n]) * difference[n, c]
    return difference


@device
def blend_backward(
    grad: Array,
    pos: Array,
    difference: Array,
    grad_pos: Array,
    starts: Array,
    items: Array,
    shares: Array,
) -> None:
    """Turn the blended image's gradient, in place, into the image's before; add to grad_pos."""
    height, width, channels = grad.shape[1:]
    changes = np.empty(difference.shape)
    for b in range(grad.shape[0]):
        for n in range(starts[b], starts[b + 1]):
            weight = 0.0
            for c in range(channels):
                g = grad[b, items[n, 0], items[n, 1], c]
                weight += g * difference[n, c]
                changes[n, c] = abs(shares[n]) * g
            if abs(shares[n]) < 0.5:
                _move_edge(pos[b], items[n], shares[n], weight, height, width, grad_pos[b])
        for n in range(starts[b], starts[b + 1]):
            for c in range(channels):
                grad[b, items[n, 0], items[n, 1], c] -= changes[n, c]
                grad[b, items[n, 2], items[n, 3], c] += changes[n, c]


@device
def _move_edge(
    pos: Array, item: Array, share: float, weight: float, height: int, width: int, grad_pos: Array
) -> None:
    """Pass the gradient of a pair's share |0.5 - d| on to the two vertices of its edge."""
    axis = 0 if item[0] == item[2] else 1
    inside = share >= 0  # the target sees the edge's surface
    y, x = (item[0], item[1]) if inside else (item[2], item[3])
    toward = (item[3] - item[1]) + (item[2] - item[0])
    forward = toward > 0 if inside else toward < 0
    slope = -weight if inside else weight
    if not forward:
        slope = -slope
    a, b = item[4], item[5]
    size, other = (height, width) if axis else (width, height)
    wa, wb = np.float64(pos[a, 3]), np.float64(pos[b, 3])
    start = (pos[a, 1 - axis] / wa * 0.5 + 0.5) * other - 0.5 - (x if axis else y)
    end = (pos[b, 1 - axis] / wb * 0.5 + 0.5) * other - 0.5 - (x if axis else y)
    part = start / (start - end)
    lean = (pos[b, axis] / wb - pos[a, axis] / wa) * 0.5 * size / (end - start)
    for vertex, w, own in ((a, wa, 1 - part), (b, wb, part)):
        along = slope * own * 0.5 * size / w
        across = -slope * own * lean * 0.5 * other / w
        grad_pos[vertex, axis] += along
        grad_pos[vertex, 1 - axis] += across
        grad_pos[vertex, 3] -= (along * pos[vertex, axis] + across * pos[vertex, 1 - axis]) / w
