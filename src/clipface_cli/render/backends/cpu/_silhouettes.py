"""Kernels of antialiasing: find where outlines pass between pixels, blend there, and back.

An outline is an edge at which a surface folds or ends. It is found in two steps: list the edges
that are outlines, then go along each and see between which pixels it passes. Of several edges that
come near a pair of pixels, the pair belongs to the one that a walk over the nearer surface meets.
"""

from typing import Any, TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel, parallel
from clipface_cli.render.backends.cpu._raster import at, lines_of, reciprocal
from clipface_cli.render.backends.cpu._visibility import STRETCHES, stretch

Ends: TypeAlias = tuple[int, int, int, int]  # y, x of a pixel, then of the next one

SLACK = 1 / 16  # an edge may miss the segment between two pixel centres by this much
STEPS = 16  # triangles that a walk from one pixel to the next may cross

# What is known of a triangle: bit k, that the edge opposite to corner k is an outline, and
_TURNS_LEFT = 8  # counter-clockwise in the image
_UNSEEN = 16  # left out, or not wholly ahead of the camera


def find_edges(
    ids: Array, pos: Array, tri: Array, opposite: Array, cull: bool
) -> tuple[Array, Array, Array]:
    """Find where outlines cut pixels of ids (B, H, W), -1 where there is no triangle.

    `cull` says that only counter-clockwise triangles are drawn. Returns the first item of each
    image and the end of the last (B + 1,), the items (N, 6) = (target y, target x, source y,
    source x, vertices of the edge), and the share (N,) of the source's colour that the target
    takes, negative where the target is not on the edge's surface.
    """
    batch, height, width = ids.shape
    meshes = pos.shape[0]
    screen = np.empty((meshes, pos.shape[1], 2))
    parallel(_to_pixels, meshes, pos, height, width, screen, least=4)
    facts = np.empty((meshes, tri.shape[0]), np.uint8)
    surfaces = pos, tri, opposite, screen, facts
    outlines = np.empty((meshes, STRETCHES, 3 * (tri.shape[0] // STRETCHES + 1)), np.int32)
    lengths, room = np.empty((meshes, STRETCHES), np.int64), np.empty((meshes, STRETCHES), np.int64)
    listed, tasks = (outlines, lengths, room), batch * STRETCHES
    work = surfaces, cull, (height, width), listed
    parallel(_list_outlines, meshes * STRETCHES, *work, least=STRETCHES)
    firsts, counts = np.zeros(tasks + 1, np.int64), np.empty(tasks, np.int64)
    np.cumsum(np.resize(room, tasks), out=firsts[1:])
    items, shares = np.empty((firsts[tasks], 6), np.int32), np.empty(firsts[tasks])
    found = firsts, counts, items, shares
    parallel(_follow_outlines, tasks, ids, surfaces, (outlines, lengths), found)
    return _compact(firsts, counts, items, shares)


@kernel
def _list_outlines(
    tasks: tuple[int, int], surfaces: Any, cull: bool, size: tuple[int, int], out: Any
) -> None:
    """List outlines, as 3 * triangle + corner opposite, in STRETCHES parts of each mesh.

    Also what is known of each triangle, how many outlines there are in each part, and at most how
    many pairs of pixels they pass between.
    """
    (pos, tri, opposite, screen, facts), (outlines, lengths, room) = surfaces, out
    for task in range(*tasks):
        m, k = task // STRETCHES, task % STRETCHES
        mesh = pos[m], tri, opposite, screen[m], facts[m]
        span = stretch(k, 0, tri.shape[0])
        lengths[m, k], room[m, k] = _outlines(mesh, span, cull, size, outlines[m, k])


@kernel
def _follow_outlines(
    tasks: tuple[int, int], ids: Array, surfaces: Any, listed: Any, out: Any
) -> None:
    """Fill the items and shares of each image's parts, and count them."""
    (pos, tri, opposite, screen, facts), (outlines, lengths) = surfaces, listed
    firsts, counts, items, shares = out
    meshes = pos.shape[0]
    for task in range(*tasks):
        b, k = task // STRETCHES, task % STRETCHES
        m = b % meshes
        mesh = pos[m], tri, opposite, screen[m], facts[m]
        own = items[firsts[task] : firsts[task + 1]], shares[firsts[task] : firsts[task + 1]]
        counts[task] = _follow(mesh, ids[b], outlines[m, k, : lengths[m, k]], own)


@device
def _compact(
    firsts: Array, counts: Array, items: Array, shares: Array
) -> tuple[Array, Array, Array]:
    """Close the gaps between the parts' items; where each image's begin."""
    starts, n = np.zeros(counts.shape[0] // STRETCHES + 1, np.int64), 0
    for task in range(counts.shape[0]):
        for k in range(firsts[task], firsts[task] + counts[task]):
            items[n], shares[n] = items[k], shares[k]
            n += 1
        starts[task // STRETCHES + 1] = n
    return starts, items[:n].copy(), shares[:n].copy()


@kernel
def _to_pixels(tasks: tuple[int, int], pos: Array, height: int, width: int, screen: Array) -> None:
    """Vertices (M, V, 2) of some meshes in pixel indices."""
    for m in range(*tasks):
        for v in range(pos.shape[1]):
            w = np.float64(pos[m, v, 3])
            screen[m, v, 0] = (pos[m, v, 0] / w * 0.5 + 0.5) * width - 0.5
            screen[m, v, 1] = (pos[m, v, 1] / w * 0.5 + 0.5) * height - 0.5


@device
def _outlines(
    mesh: Any, span: tuple[int, int], cull: bool, size: tuple[int, int], found: Array
) -> tuple[int, int]:
    """List some triangles' outlines; how many there are, and at most how many pairs they pass."""
    pos, tri, opposite, screen, facts = mesh
    n = room = 0
    for f in range(*span):
        area = _area(screen, tri[f, 0], tri[f, 1], tri[f, 2])
        if (cull and area < 0) or _behind(pos, tri, f):
            facts[f] = _UNSEEN
            continue
        fact = _TURNS_LEFT if area >= 0 else 0
        for k in range(3):
            a, b = tri[f, (k + 1) % 3], tri[f, (k + 2) % 3]
            far = opposite[f, k]
            if far < 0 or (_area(screen, tri[far // 3, far % 3], a, b) >= 0) == (area >= 0):
                found[n], fact = 3 * f + k, fact | 1 << k
                n, room = n + 1, room + _most_pairs(screen, a, b, size)
        facts[f] = fact
    return n, room


@device
def _behind(pos: Array, tri: Array, f: int) -> bool:
    """Whether a triangle is not wholly ahead of the camera."""
    return min(pos[tri[f, 0], 3], pos[tri[f, 1], 3], pos[tri[f, 2], 3]) <= 0


@device
def _most_pairs(screen: Array, a: int, b: int, size: tuple[int, int]) -> int:
    """At most how many pairs of pixels an edge passes between."""
    room = 0
    for axis in range(2):
        if _steep(screen, a, b, axis):
            first, last = _between(screen[a, 1 - axis], screen[b, 1 - axis], size[axis])
            room += 2 * max(last - first, 0)
    return room


@device
def _area(screen: Array, a: int, b: int, c: int) -> float:
    x, y = screen[a, 0], screen[a, 1]
    return (screen[b, 0] - x) * (screen[c, 1] - y) - (screen[b, 1] - y) * (screen[c, 0] - x)


@device
def _steep(screen: Array, a: int, b: int, axis: int) -> bool:
    """Whether an edge runs more across an axis than along it."""
    along, across = screen[b, axis] - screen[a, axis], screen[b, 1 - axis] - screen[a, 1 - axis]
    return abs(across) >= abs(along)


@device
def _between(start: float, end: float, size: int) -> tuple[int, int]:
    """The first, and the one after the last, pixel centre of [0, size) between two places."""
    first, last = np.ceil(min(start, end)), np.ceil(max(start, end))
    return np.int64(min(max(first, 0), size)), np.int64(min(max(last, 0), size))


@device
def _follow(mesh: Any, ids: Array, sides: Array, out: tuple[Array, Array]) -> int:
    """Write the pairs that outlines pass between, and how many they are."""
    (pos, tri, opposite, screen, facts), (items, shares) = mesh, out
    n = 0
    for side in sides:
        a, b = tri[side // 3, (side + 1) % 3], tri[side // 3, (side + 2) % 3]
        for axis in range(2):
            if not _steep(screen, a, b, axis):
                continue
            start, end = screen[a, 1 - axis], screen[b, 1 - axis]
            slope = (screen[b, axis] - screen[a, axis]) / (end - start)
            first, last = _between(start, end, ids.shape[axis])
            for line in range(first, last):
                place = screen[a, axis] + (line - start) * slope
                for x in range(*_around(place, ids.shape[1 - axis] - 1)):
                    ends = (x, line, x + 1, line) if axis else (line, x, line, x + 1)
                    if _joined(opposite, facts, ids[ends[0], ends[1]], ids[ends[2], ends[3]]):
                        continue
                    ends = _nearer_first(pos, tri, ids, ends)
                    met, d = _walk(tri, opposite, screen, facts, ids[ends[0], ends[1]], ends)
                    if met == side:
                        shares[n] = 0.5 - min(max(d, 0.0), 1.0)
                        _write(items, n, ends if shares[n] >= 0 else _turned(ends), a, b)
                        n += 1
    return n


@device
def _write(items: Array, n: int, ends: Ends, a: int, b: int) -> None:
    items[n, 0], items[n, 1], items[n, 2], items[n, 3] = ends
    items[n, 4], items[n, 5] = a, b


@device
def _turned(ends: Ends) -> Ends:
    return ends[2], ends[3], ends[0], ends[1]


@device
def _around(place: float, size: int) -> tuple[int, int]:
    """The first, and the one after the last, pixel of [0, size) that with the next spans it."""
    first, last = np.ceil(place - 1 - 2 * SLACK), np.floor(place + 2 * SLACK) + 1
    return np.int64(min(max(first, 0), size)), np.int64(min(max(last, 0), size))


@device
def _nearer_first(pos: Array, tri: Array, ids: Array, ends: Ends) -> Ends:
    """A pair of pixels in the order of their depth."""
    near = _depth(pos, tri, ids, ends[0], ends[1]) < _depth(pos, tri, ids, ends[2], ends[3])
    return ends if near else _turned(ends)


@device
def _depth(pos: Array, tri: Array, ids: Array, y: int, x: int) -> float:
    """z/w of what a pixel sees."""
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
def _joined(opposite: Array, facts: Array, f: int, other: int) -> bool:
    """Whether two pixels see one triangle, none, or two that share an inner edge."""
    if f == other:
        return True
    if f < 0:
        return False
    for k in range(3):
        if opposite[f, k] >= 0 and opposite[f, k] // 3 == other and not facts[f] >> k & 1:
            return True
    return False


@device
def _walk(
    tri: Array, opposite: Array, screen: Array, facts: Array, f: int, ends: Ends
) -> tuple[int, float]:
    """Walk over the mesh to the next pixel: the outline on the way, or -1, and how far it is."""
    y, x, y1, x1 = ends
    axis, forward = 1 if x == x1 else 0, x1 + y1 > x + y
    for _ in range(STEPS):
        if facts[f] & _UNSEEN:
            return -1, 0.0
        rises = (facts[f] & _TURNS_LEFT != 0) == (forward == (axis == 0))
        k = _exit(screen, tri, f, (y, x, axis), rises)
        if k < 0:
            return -1, 0.0
        a, b = tri[f, (k + 1) % 3], tri[f, (k + 2) % 3]
        d = _distance(screen, a, b, y, x, axis, forward)
        if facts[f] >> k & 1:
            return 3 * f + k if -SLACK < d < 1 + SLACK else -1, d
        if d >= 1 + SLACK:
            return -1, 0.0
        f = opposite[f, k] // 3
    return -1, 0.0


@device
def _exit(screen: Array, tri: Array, f: int, line: tuple[int, int, int], rises: bool) -> int:
    """The corner opposite to the edge by which a walk leaves a triangle, -1 if it passes by.

    That edge crosses the walk's line from its low side to its high one where it rises.
    """
    y, x, axis = line
    s0 = (_across(screen, tri[f, 0], y, x, axis) > 0) == rises
    s1 = (_across(screen, tri[f, 1], y, x, axis) > 0) == rises
    s2 = (_across(screen, tri[f, 2], y, x, axis) > 0) == rises
    if s2 and not s1:
        return 0
    if s0 and not s2:
        return 1
    return 2 if s1 and not s0 else -1


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


def blend(color: Array, starts: Array, items: Array, shares: Array) -> Array:
    """Blend color (B, H, W, C) in place; returns source minus target (N, C) before blending."""
    difference = np.empty((items.shape[0], color.shape[3]), color.dtype)
    parallel(_blend_images, len(color), color, starts, items, shares, difference, least=2)
    return difference


@kernel
def _blend_images(
    tasks: tuple[int, int],
    color: Array,
    starts: Array,
    items: Array,
    shares: Array,
    difference: Array,
) -> None:
    for b in range(*tasks):
        own = slice(starts[b], starts[b + 1])
        _blend_image(color[b], items[own], shares[own], difference[own])


@device
def _blend_image(color: Array, items: Array, shares: Array, difference: Array) -> None:
    for n in range(items.shape[0]):
        y, x, y1, x1 = items[n, 0], items[n, 1], items[n, 2], items[n, 3]
        for c in range(color.shape[2]):
            difference[n, c] = color[y1, x1, c] - color[y, x, c]
    for n in range(items.shape[0]):
        for c in range(color.shape[2]):
            color[items[n, 0], items[n, 1], c] += abs(shares[n]) * difference[n, c]


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
    edges = starts, items, shares
    parallel(_unblend_meshes, len(pos), grad, pos, difference, grad_pos, edges)


@kernel
def _unblend_meshes(
    tasks: tuple[int, int],
    grad: Array,
    pos: Array,
    difference: Array,
    grad_pos: Array,
    edges: Any,
) -> None:
    for m in range(*tasks):
        _unblend_mesh(grad, pos, difference, grad_pos, edges, m)


@device
def _unblend_mesh(
    grad: Array, pos: Array, difference: Array, grad_pos: Array, edges: Any, m: int
) -> None:
    """The images of one mesh: those whose number leaves m when divided by the meshes."""
    (starts, items, shares), (batch, height, width, channels) = edges, grad.shape
    for b in range(m, batch, pos.shape[0]):
        first, last = starts[b], starts[b + 1]
        changes = np.empty((last - first, channels))
        for n in range(first, last):
            weight = 0.0
            for c in range(channels):
                g = grad[b, items[n, 0], items[n, 1], c]
                weight += g * difference[n, c]
                changes[n - first, c] = abs(shares[n]) * g
            if abs(shares[n]) < 0.5:
                _move_edge(pos[m], items[n], shares[n], weight, height, width, grad_pos[m])
        for n in range(first, last):
            for c in range(channels):
                grad[b, items[n, 0], items[n, 1], c] -= changes[n - first, c]
                grad[b, items[n, 2], items[n, 3], c] += changes[n - first, c]


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
