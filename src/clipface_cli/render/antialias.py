"""Antialias silhouettes, and let gradients reach the vertices that form them.

Where a silhouette edge passes between two pixel centres, the pixel that it cuts takes the fitting
share of the other's colour. The edge is found by walking over the mesh from the pixel that sees the
nearer surface, so that it is found, too, where triangles are thinner than a pixel.
"""

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
    check_integers,
    check_rast,
    check_same,
    check_triangles,
)
from clipface_cli.render._jit import Array, array, device, get_num_threads, indices, kernel, prange
from clipface_cli.render._visibility import STRETCHES, stretch
from clipface_cli.render.rasterize import at, lines_of, reciprocal

Topology: TypeAlias = Any  # a Tensor, or nvdiffrast's own on a GPU

_SLACK = 1 / 16  # an edge may miss the segment between two pixel centres by this much
_PARTS = 4  # outlines are searched in this many bands of rows, each by one thread
_STEPS = 16  # triangles that a walk from one pixel to the next may cross


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: Topology | None = None,
    pos_gradient_boost: float = 1.0,
) -> Tensor:
    """Blend pixels across silhouette edges; nvdiffrast's `antialias`.

    Args:
        color: (B, H, W, C) image to antialias.
        rast: (B, H, W, 4) from `rasterize` of the same pos and tri.
        pos: (B, V, 4) vertices in clip space, or (V, 4) for all images.
        tri: (F, 3) vertex indices.
        topology_hash: from `antialias_construct_topology_hash(tri)`, to save its time.
        pos_gradient_boost: factor on the gradients to pos.

    Returns:
        (B, H, W, C) colours.

    Gradients reach color and pos. float64 takes the reference's path. Raises ValueError on bad
    arguments.
    """
    _check(color, rast, pos, tri)
    if color.is_cuda:
        return _gpu.antialias(color, rast, pos, tri, topology_hash, pos_gradient_boost)
    opposite = _opposite(tri, topology_hash)
    if color.dtype == torch.float64:
        return _antialias_ref(color, rast, pos, tri, opposite, pos_gradient_boost)
    out: Tensor = _Antialias.apply(  # type: ignore[no-untyped-call]
        color, rast, pos, tri, opposite, pos_gradient_boost
    )
    return out


def antialias_construct_topology_hash(tri: Tensor) -> Topology:
    """What `antialias` needs to know of triangles (F, 3), to give to it as `topology_hash`.

    On the CPU (F, 3): across the edge opposite to each corner, the far corner, as
    3 * triangle + corner; -1 where the edge is a border, or where more than two triangles meet.
    """
    check_integers("tri", tri, (None, 3))
    if tri.is_cuda:
        return _gpu.topology_hash(tri)
    edges = np.sort(indices(tri)[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    _, starts, counts = np.unique(edges[order], axis=0, return_index=True, return_counts=True)
    first = starts[counts == 2]
    opposite = np.full(len(edges), -1)
    opposite[order[first]] = order[first + 1]
    opposite[order[first + 1]] = order[first]
    return torch.from_numpy(opposite.reshape(-1, 3))


def antialias_ref(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: Tensor | None = None,
    pos_gradient_boost: float = 1.0,
) -> Tensor:
    """The same as `antialias` in plain PyTorch: slow, one pair of pixels after another."""
    _check(color, rast, pos, tri)
    opposite = _opposite(tri, topology_hash)
    return _antialias_ref(color, rast, pos, tri, opposite, pos_gradient_boost)


def _antialias_ref(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, opposite: Tensor, boost: float
) -> Tensor:
    pos = pos.expand(len(rast), -1, -1)
    pos = pos * boost + (1 - boost) * pos.detach()
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
    depth = _depth_ref(rast, pos, tri)
    outline = _outline_ref(screen, tri, opposite)
    edges = []
    for axis in range(2):
        length = rast.shape[2 - axis] - 1
        first, second = (rast[..., 3].long().narrow(2 - axis, i, length) for i in (0, 1))
        nearer = torch.less(*(depth.narrow(2 - axis, i, length) for i in (0, 1)))
        forward_all = (second == 0) | ((first > 0) & nearer)
        for b, y, x in torch.nonzero(first != second).tolist():
            forward, ids = bool(forward_all[b, y, x]), (int(first[b, y, x]), int(second[b, y, x]))
            f, other = ids if forward else ids[::-1]
            pixel = (x, y) if forward else (x + 1 - axis, y + axis)
            mesh = screen[b], tri, opposite, outline[b], ahead[b]
            edge = _walk_ref(mesh, f - 1, other - 1, pixel, axis, forward)
            if edge is not None:
                edges.append([b, pixel[1], pixel[0], axis, int(forward), *edge])
    return edges


def _depth_ref(rast: Tensor, pos: Tensor, tri: Tensor) -> Tensor:
    """(B, H, W) z/w of what each pixel sees; the image holds too few digits of it where folded."""
    images = torch.arange(len(pos))[:, None, None, None]
    corners = pos[images, tri[(rast[..., 3].long() - 1).clamp(min=0)]]
    points = corners[..., [0, 1, 3]]
    lines = torch.linalg.cross(points[..., [1, 2, 0], :], points[..., [2, 0, 1], :])
    fx, fy = ((2 * torch.arange(size) + 1).to(pos) / size - 1 for size in rast.shape[2:0:-1])
    a = lines[..., 0] * fx[:, None] + lines[..., 1] * fy[:, None, None] + lines[..., 2]
    return (a * corners[..., 2]).sum(-1) / (a * corners[..., 3]).sum(-1)


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


def _check(color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor) -> None:
    check_float("pos", pos, (None, 4) if pos.ndim == 2 else (None, None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[-2])
    check_device("pos", pos, "tri", tri)
    check_rast("rast", rast, len(tri))
    check_float("color", color, (*rast.shape[:3], None))
    check_same("color", color, "rast", rast)
    check_same("color", color, "pos", pos)
    if pos.ndim == 3 and len(pos) != len(rast):
        raise ValueError(f"pos must hold {len(rast)} meshes as rast does, not {len(pos)}")


def _opposite(tri: Tensor, topology_hash: Topology | None) -> Tensor:
    if topology_hash is None:
        topology_hash = antialias_construct_topology_hash(tri)
    if not isinstance(topology_hash, Tensor) or topology_hash.shape != tri.shape:
        raise ValueError("topology_hash must come from antialias_construct_topology_hash(tri)")
    return topology_hash


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
        meshes = array(pos if pos.ndim == 3 else pos[None])
        ids = array(rast[..., 3].int()) - 1
        ctx.edges = find_edges(
            ids, meshes, indices(tri), indices(opposite), False, get_num_threads()
        )
        ctx.difference = blend(array(out), *ctx.edges)
        ctx.boost = boost
        ctx.save_for_backward(pos)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Any:
        (pos,) = ctx.saved_tensors
        grad_color = grad.clone(memory_format=torch.contiguous_format)
        meshes = array(pos if pos.ndim == 3 else pos[None])
        moves = np.zeros(meshes.shape)
        blend_backward(array(grad_color), meshes, ctx.difference, moves, *ctx.edges)
        grad_pos = torch.from_numpy(moves * ctx.boost).to(pos.dtype).view_as(pos)
        return grad_color, None, grad_pos, None, None, None


@kernel
def find_edges(
    ids: Array, pos: Array, tri: Array, opposite: Array, cull: bool, workers: int
) -> tuple[Array, Array, Array]:
    """Find where outlines cut pixels of ids (B, H, W), -1 where there is no triangle.

    `cull` says that only counter-clockwise triangles are drawn. Returns the first item of each
    image and the end of the last (B + 1,), the items (N, 6) = (target y, target x, source y,
    source x, vertices of the edge), and the share (N,) of the source's colour that the target
    takes, negative where the target is not on the edge's surface.
    """
    batch, height, width = ids.shape
    meshes, tasks = pos.shape[0], batch * _PARTS
    screen, outline = np.empty((*pos.shape[:2], 2)), np.empty((meshes, tri.shape[0]), np.uint8)
    sides = np.empty((meshes, STRETCHES, 3 * (tri.shape[0] // STRETCHES + 1), 2), np.int32)
    lengths = np.empty((meshes, STRETCHES), np.int64)
    for m in prange(meshes):
        _to_pixels(pos[m], height, width, screen[m])
    for task in prange(meshes * STRETCHES):
        m, k = task // STRETCHES, task % STRETCHES
        surface, out = (pos[m], tri, opposite, screen[m]), (outline[m], sides[m, k])
        lengths[m, k] = _outlines(surface, stretch(k, 0, tri.shape[0]), cull, out)
    marks, counts = np.zeros(ids.shape, np.uint8), np.empty(tasks, np.int64)
    for worker in prange(workers):
        pairs = np.empty((4 * (height + width), 3), np.int64)
        for task in range(worker, tasks, workers):
            b, rows = task // _PARTS, _rows(task % _PARTS, height)
            m = b % meshes
            counts[task] = _mark(screen[m], (sides[m], lengths[m]), rows, marks[b], pairs)
    firsts = np.append(0, np.cumsum(counts))
    items, shares = np.empty((firsts[-1], 6), np.int32), np.empty(firsts[-1])
    for worker in prange(workers):
        pairs = np.empty((4 * (height + width), 3), np.int64)
        for task in range(worker, tasks, workers):
            b, rows = task // _PARTS, _rows(task % _PARTS, height)
            m = b % meshes
            mesh = pos[m], tri, opposite, screen[m], outline[m]
            first, last = firsts[task], firsts[task + 1]
            edges = sides[m], lengths[m], rows, marks[b], pairs
            counts[task] = _search(mesh, ids[b], edges, items[first:last], shares[first:last])
    return _compact(firsts, counts, items, shares)


@device
def _compact(
    firsts: Array, counts: Array, items: Array, shares: Array
) -> tuple[Array, Array, Array]:
    """Close the gaps between the bands' items; where each image's begin."""
    starts, n = np.zeros(counts.shape[0] // _PARTS + 1, np.int64), 0
    for task in range(counts.shape[0]):
        for k in range(firsts[task], firsts[task] + counts[task]):
            items[n], shares[n] = items[k], shares[k]
            n += 1
        starts[task // _PARTS + 1] = n
    return starts, items[:n].copy(), shares[:n].copy()


@device
def _rows(part: int, height: int) -> tuple[int, int]:
    """First row and the row after the last of one of the parts of an image."""
    return height * part // _PARTS, height * (part + 1) // _PARTS


@device
def _to_pixels(pos: Array, height: int, width: int, screen: Array) -> None:
    """Vertices (V, 2) in pixel indices."""
    for v in range(pos.shape[0]):
        w = np.float64(pos[v, 3])
        screen[v, 0] = (pos[v, 0] / w * 0.5 + 0.5) * width - 0.5
        screen[v, 1] = (pos[v, 1] / w * 0.5 + 0.5) * height - 0.5


@device
def _outlines(mesh: Any, span: tuple[int, int], cull: bool, out: tuple[Array, Array]) -> int:
    """Some triangles' outline edges as bits (F,), and those that may be seen as pairs of vertices.

    Bit i belongs to the edge opposite to corner i; bit 3 marks triangles not ahead of the camera.
    Returns how many pairs there are.
    """
    (pos, tri, opposite, screen), (outline, sides) = mesh, out
    n = 0
    for f in range(*span):
        behind = pos[tri[f, 0], 3] <= 0 or pos[tri[f, 1], 3] <= 0 or pos[tri[f, 2], 3] <= 0
        area = _area(screen, tri[f, 0], tri[f, 1], tri[f, 2])
        bits = 8 if behind else 0
        if not behind and (area >= 0 or not cull):
            for k in range(3):
                c, d, far = tri[f, (k + 1) % 3], tri[f, (k + 2) % 3], opposite[f, k]
                if far < 0 or ((_area(screen, tri[far // 3, far % 3], c, d) >= 0) == (area >= 0)):
                    bits |= 1 << k
                    sides[n, 0], sides[n, 1] = c, d
                    n += 1
        outline[f] = bits
    return n


@device
def _area(screen: Array, a: int, b: int, c: int) -> float:
    x, y = screen[a, 0], screen[a, 1]
    return (screen[b, 0] - x) * (screen[c, 1] - y) - (screen[b, 1] - y) * (screen[c, 0] - x)


@device
def _mark(
    screen: Array, edges: tuple[Array, Array], rows: tuple[int, int], marks: Array, pairs: Array
) -> int:
    """Mark the pairs of pixels from some rows that a side may cut; returns how many there are.

    1 marks a pixel and the next in x, 2 a pixel and the next in y.
    """
    sides, lengths = edges
    n = 0
    for j in range(STRETCHES):
        for k in range(lengths[j]):
            for i in range(_crossed(screen, sides[j, k, 0], sides[j, k, 1], rows, marks, pairs)):
                y, x, bit = pairs[i, 0], pairs[i, 1], pairs[i, 2]
                n += (marks[y, x] & bit) == 0
                marks[y, x] |= bit
    return n


@device
def _crossed(
    screen: Array, a: int, b: int, rows: tuple[int, int], marks: Array, pairs: Array
) -> int:
    """List the pairs, as y, x and mark, that a side may cut, those it only touches with them."""
    low, high = rows
    height, width = marks.shape
    ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
    if max(ay, by) < low - 2 or min(ay, by) > high + 1:
        return 0
    rise, run, n = by - ay, bx - ax, 0
    if abs(rise) >= abs(run):
        first, last = _between(ay, by, low, high)
        for y in range(first, last):
            left, right = _around(ax + (y - ay) * (run / rise), 0, width - 1)
            for x in range(left, right):
                pairs[n, 0], pairs[n, 1], pairs[n, 2] = y, x, 1
                n += 1
    if abs(run) >= abs(rise):
        first, last = _between(ax, bx, 0, width)
        for x in range(first, last):
            bottom, top = _around(ay + (x - ax) * (rise / run), low, min(high, height - 1))
            for y in range(bottom, top):
                pairs[n, 0], pairs[n, 1], pairs[n, 2] = y, x, 2
                n += 1
    return n


@device
def _between(start: float, end: float, low: int, high: int) -> tuple[int, int]:
    """The first, and the one after the last, pixel centre of [low, high) between two places."""
    first, last = np.ceil(min(start, end)), np.ceil(max(start, end))
    return np.int64(min(max(first, low), high)), np.int64(min(max(last, low), high))


@device
def _around(place: float, low: int, high: int) -> tuple[int, int]:
    """The first, and the one after the last, pixel of [low, high) that with the next spans it."""
    first, last = np.ceil(place - 1 - 2 * _SLACK), np.floor(place + 2 * _SLACK) + 1
    return np.int64(min(max(first, low), high)), np.int64(min(max(last, low), high))


@device
def _search(mesh: Any, ids: Array, edges: Any, items: Array, shares: Array) -> int:
    """Fill items and shares from the marked pairs, clearing marks; returns how many there are."""
    sides, lengths, rows, marks, pairs = edges
    n = 0
    for j in range(STRETCHES):
        for k in range(lengths[j]):
            for i in range(_crossed(mesh[3], sides[j, k, 0], sides[j, k, 1], rows, marks, pairs)):
                y, x, bit = pairs[i, 0], pairs[i, 1], pairs[i, 2]
                if marks[y, x] & bit:
                    marks[y, x] ^= bit
                    y1, x1 = (y, x + 1) if bit == 1 else (y + 1, x)
                    if ids[y, x] != ids[y1, x1]:
                        n += _cut(mesh, ids, (y, x, y1, x1), items, shares, n)
    return n


@device
def _depth(mesh: Any, ids: Array, y: int, x: int) -> float:
    """z/w of what a pixel sees, infinite where it sees nothing."""
    pos, tri = mesh[0], mesh[1]
    f = ids[y, x]
    if f < 0:
        return np.inf
    lines = lines_of(pos, tri, f)
    fx, fy = (2 * x + 1) / ids.shape[1] - 1, (2 * y + 1) / ids.shape[0] - 1
    z = w = 0.0
    for i in range(3):
        a = at(lines[i], fx, fy)
        z += a * pos[tri[f, i], 2]
        w += a * pos[tri[f, i], 3]
    return z * reciprocal(w)


@device
def _joined(mesh: Any, f: int, other: int) -> bool:
    """Whether two triangles share an inner edge."""
    opposite, outline = mesh[2], mesh[4]
    for k in range(3):
        far = opposite[f, k]
        if far >= 0 and far // 3 == other and not (outline[f] >> k) & 1:
            return True
    return False


@device
def _cut(
    mesh: Any, ids: Array, ends: tuple[int, int, int, int], items: Array, shares: Array, n: int
) -> bool:
    """Fill item and share n if a steep outline passes between a pair of pixels."""
    y, x, y1, x1 = ends
    if ids[y, x] >= 0 and ids[y1, x1] >= 0 and _joined(mesh, ids[y, x], ids[y1, x1]):
        return False
    if not _depth(mesh, ids, y, x) < _depth(mesh, ids, y1, x1):
        y, x, y1, x1 = y1, x1, y, x
    tri, screen = mesh[1], mesh[3]
    f, edge, d = _walk(mesh, ids[y, x], (y, x, y1, x1))
    if edge < 0:
        return False
    a, b, axis = tri[f, (edge + 1) % 3], tri[f, (edge + 2) % 3], 1 if x == x1 else 0
    rise = screen[b, 1 - axis] - screen[a, 1 - axis]
    if abs(rise) < abs(screen[b, axis] - screen[a, axis]):
        return False
    shares[n] = 0.5 - min(max(d, 0.0), 1.0)
    if shares[n] < 0:
        y, x, y1, x1 = y1, x1, y, x
    for i, value in enumerate((y, x, y1, x1, np.int64(a), np.int64(b))):
        items[n, i] = value
    return True


@device
def _walk(mesh: Any, f: int, ends: tuple[int, int, int, int]) -> tuple[int, int, float]:
    """Walk over the mesh to the next pixel: triangle and edge of the outline on the way, or -1."""
    _, tri, opposite, screen, outline = mesh
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


@kernel
def blend(color: Array, starts: Array, items: Array, shares: Array) -> Array:
    """Blend color (B, H, W, C) in place; returns source minus target (N, C) before blending."""
    difference = np.empty((items.shape[0], color.shape[3]), color.dtype)
    for b in prange(color.shape[0]):
        for n in range(starts[b], starts[b + 1]):
            y, x, y1, x1 = items[n, 0], items[n, 1], items[n, 2], items[n, 3]
            for c in range(color.shape[3]):
                difference[n, c] = color[b, y1, x1, c] - color[b, y, x, c]
        for n in range(starts[b], starts[b + 1]):
            for c in range(color.shape[3]):
                color[b, items[n, 0], items[n, 1], c] += abs(shares[n]) * difference[n, c]
    return difference


@kernel
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
    batch, height, width, channels = grad.shape
    meshes = pos.shape[0]
    changes = np.empty(difference.shape)
    for m in prange(meshes):
        for b in range(m, batch, meshes):
            for n in range(starts[b], starts[b + 1]):
                weight = 0.0
                for c in range(channels):
                    g = grad[b, items[n, 0], items[n, 1], c]
                    weight += g * difference[n, c]
                    changes[n, c] = abs(shares[n]) * g
                if abs(shares[n]) < 0.5:
                    _move_edge(pos[m], items[n], shares[n], weight, height, width, grad_pos[m])
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
