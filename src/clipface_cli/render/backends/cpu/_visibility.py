"""Which triangle each pixel sees.

Vertices snap to 1/256 of a pixel, so coverage is exact integer arithmetic: an edge that two
triangles share gives each pixel to one of them. Triangles are clipped to the depth range first.
The nearest triangle wins a pixel, at equal depth the one listed first.
"""

from typing import Any, TypeAlias

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel, parallel

Point: TypeAlias = tuple[int, int, float]

SUBPIXEL = 256
GUARD = 64.0  # clip at this many half images from the centre, so that integers cannot overflow
STRETCHES = 8  # triangles are looked through in this many parts of their list, each by one thread
BANDS = 16  # an image is filled in this many bands of rows, each by one thread
LANES = 8  # pixels of a row are filled in groups of this many, which vector units take at once


@device
def band(index: int, height: int) -> tuple[int, int]:
    """First row and the row after the last of one of BANDS parts of an image."""
    rows = (height + BANDS - 1) // BANDS
    return min(index * rows, height), min((index + 1) * rows, height)


@device
def workspace(height: int, width: int) -> tuple[Array, Array, Array]:
    """Working memory of a thread that fills bands: ids and depths, padded right, and polygons."""
    size = (height + BANDS - 1) // BANDS, width + LANES
    return np.empty(size, np.int32), np.empty(size, np.float64), np.empty((2, 9, 4), np.float64)


def whole(batch: int, tri: Array) -> Array:
    """Ranges for images that show every triangle."""
    ranges = np.empty((batch, 2), np.int32)
    ranges[:, 0], ranges[:, 1] = 0, tri.shape[0]
    return ranges


def plan(
    pos: Array, tri: Array, ranges: Array, height: int, width: int, cull: bool
) -> tuple[Array, Array, Array, Array, Array]:
    """The plan of drawing: vertices on the screen, and each image's triangles that may be seen.

    Image b shows the triangles `ranges[b]` = first, last + 1 of mesh b, or of the only mesh; `cull`
    drops those that turn clockwise.

    Returns vertices (M, V, 2) in 1/256 pixels; their z/w (M, V), NaN where one must be clipped
    away; triangles (B, STRETCHES, N) in their order, how many of them count (B, STRETCHES), and
    their first and last row (B, STRETCHES, N, 2).
    """
    meshes, batch = pos.shape[0], ranges.shape[0]
    screen = np.empty((meshes, pos.shape[1], 2), np.int32)
    depth = np.empty(pos.shape[:2], np.float64)
    parallel(_project, meshes, pos, height, width, screen, depth, least=4)
    longest = int((ranges[:, 1] - ranges[:, 0]).max()) // STRETCHES + 1
    found = np.empty((batch, STRETCHES, longest), np.int32)
    rows = np.empty((batch, STRETCHES, longest, 2), np.int32)
    counts = np.empty((batch, STRETCHES), np.int64)
    shown, out = (tri, ranges, screen, depth), (found, counts, rows)
    work = shown, (height, width), cull, out
    parallel(_list_candidates, batch * STRETCHES, *work, least=STRETCHES)
    return screen, depth, found, counts, rows


@kernel
def _list_candidates(
    tasks: tuple[int, int], meshes: Any, size: tuple[int, int], cull: bool, out: Any
) -> None:
    (tri, ranges, screen, depth), (found, counts, rows) = meshes, out
    for task in range(*tasks):
        b, k = task // STRETCHES, task % STRETCHES
        mesh = tri, screen[b % screen.shape[0]], depth[b % depth.shape[0]]
        span = stretch(k, ranges[b, 0], ranges[b, 1])
        counts[b, k] = _candidates(mesh, span, size, cull, found[b, k], rows[b, k])


@device
def stretch(k: int, start: int, stop: int) -> tuple[int, int]:
    """First triangle and the one after the last of one of STRETCHES parts of a list."""
    count = np.int64(stop) - start
    return start + count * k // STRETCHES, start + count * (k + 1) // STRETCHES


@kernel
def _project(
    tasks: tuple[int, int], pos: Array, height: int, width: int, screen: Array, depth: Array
) -> None:
    for m in range(*tasks):
        for i in range(pos.shape[1]):
            x, y = np.float64(pos[m, i, 0]), np.float64(pos[m, i, 1])
            z, w = np.float64(pos[m, i, 2]), np.float64(pos[m, i, 3])
            depth[m, i], screen[m, i, 0], screen[m, i, 1] = np.nan, 0, 0
            if w > 0 and abs(z) <= w and abs(x) <= GUARD * w and abs(y) <= GUARD * w:
                screen[m, i, 0], screen[m, i, 1] = _snap(x, w, width), _snap(y, w, height)
                depth[m, i] = z / w


@device
def _snap(x: float, w: float, size: int) -> int:
    return np.int64(np.rint((x / w * 0.5 + 0.5) * size * SUBPIXEL))


@device
def _candidates(
    mesh: Any, span: tuple[int, int], size: tuple[int, int], cull: bool, found: Array, rows: Array
) -> int:
    """List the triangles that may cover pixel centres; returns how many there are."""
    tri, screen, depth = mesh
    height, width = size
    n = 0
    for f in range(span[0], span[1]):
        i, j, k = tri[f, 0], tri[f, 1], tri[f, 2]
        if np.isnan(depth[i] + depth[j] + depth[k]):
            found[n], rows[n, 0], rows[n, 1] = f, 0, height - 1
            n += 1
            continue
        x0, y0 = np.int64(screen[i, 0]), np.int64(screen[i, 1])
        x1, y1 = np.int64(screen[j, 0]), np.int64(screen[j, 1])
        x2, y2 = np.int64(screen[k, 0]), np.int64(screen[k, 1])
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area == 0 or (cull and area < 0):
            continue
        left, right = _centres(x0, x1, x2, 0, width)
        bottom, top = _centres(y0, y1, y2, 0, height)
        if left <= right and bottom <= top:
            found[n], rows[n, 0], rows[n, 1] = f, bottom, top
            n += 1
    return n


@device
def _centres(a: int, b: int, c: int, low: int, high: int) -> tuple[int, int]:
    """First and last pixel of [low, high) whose centre lies between three coordinates."""
    first, last = (min(a, b, c) + 127) >> 8, (max(a, b, c) - 128) >> 8
    return max(first, low), min(last, high - 1)


@device
def fill_band(
    pos: Array,
    tri: Array,
    planned: Any,
    b: int,
    rows: tuple[int, int],
    size: tuple[int, int],
    cull: bool,
    work: Any,
) -> None:
    """Write the triangle that each pixel of rows [low, high) sees, -1 for none, to work's ids."""
    screen, z, found, counts, spans = planned
    (low, high), mesh = rows, b % pos.shape[0]
    ids, depth, _ = work
    ids[:], depth[:] = -1, np.inf
    for n in range(STRETCHES):
        for m in range(counts[b, n]):
            if spans[b, n, m, 0] < high and spans[b, n, m, 1] >= low:
                f = found[b, n, m]
                i, j, k = tri[f, 0], tri[f, 1], tri[f, 2]
                p0 = np.int64(screen[mesh, i, 0]), np.int64(screen[mesh, i, 1]), z[mesh, i]
                p1 = np.int64(screen[mesh, j, 0]), np.int64(screen[mesh, j, 1]), z[mesh, j]
                p2 = np.int64(screen[mesh, k, 0]), np.int64(screen[mesh, k, 1]), z[mesh, k]
                if np.isnan(p0[2] + p1[2] + p2[2]):
                    _fill_clipped(pos[mesh], tri, f, cull, rows, size, work)
                else:
                    _fill((p0, p1, p2), f, cull, rows, size[1], work)


@device
def _fill_clipped(
    pos: Array,
    tri: Array,
    f: int,
    cull: bool,
    rows: tuple[int, int],
    size: tuple[int, int],
    work: Any,
) -> None:
    """Draw the part of a triangle that is within the depth range and the guard band."""
    polygon = work[2]
    corners = _clip(pos, tri[f], size[0], size[1], polygon)
    for m in range(1, corners - 1):
        fan = _corner(polygon, 0), _corner(polygon, m), _corner(polygon, m + 1)
        _fill(fan, f, cull, rows, size[1], work)


@device
def _corner(polygon: Array, k: int) -> Point:
    return np.int64(polygon[0, k, 0]), np.int64(polygon[0, k, 1]), polygon[0, k, 2]


@device
def _fill(
    corners: tuple[Point, Point, Point],
    f: int,
    cull: bool,
    rows: tuple[int, int],
    width: int,
    work: Any,
) -> None:
    """Draw one triangle into a band of rows [low, high): nearest wins, then first listed."""
    ids, depth, _ = work
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = corners
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    if area == 0 or (cull and area < 0):
        return
    if area < 0:
        x1, y1, z1, x2, y2, z2 = x2, y2, z2, x1, y1, z1
        area = -area
    left, right = _centres(x0, x1, x2, 0, width)
    bottom, top = _centres(y0, y1, y2, rows[0], rows[1])
    if left > right:
        return
    px, py = left * 256 + 128, bottom * 256 + 128
    e0 = (x2 - x1) * (py - y1) - (y2 - y1) * (px - x1)
    e1 = (x0 - x2) * (py - y2) - (y0 - y2) * (px - x2)
    e2 = (x1 - x0) * (py - y0) - (y1 - y0) * (px - x0)
    bias0, bias1, bias2 = _bias(x1, y1, x2, y2), _bias(x2, y2, x0, y0), _bias(x0, y0, x1, y1)
    steps = (y2 - y1) * 256, (y0 - y2) * 256, (y1 - y0) * 256
    slope1, slope2 = (z1 - z0) / area, (z2 - z0) / area
    step_z = steps[1] * slope1 + steps[2] * slope2
    (s0, s1, s2), count = steps, (right - left + LANES) // LANES * LANES
    for y in range(bottom - rows[0], top + 1 - rows[0]):
        z = z0 + (e1 * slope1 + e2 * slope2)
        d0, d1, d2 = e0 - bias0, e1 - bias1, e2 - bias2
        seen, far = ids[y, left : left + count], depth[y, left : left + count]
        for k in range(count):
            here = z - k * step_z
            nearer = (((d0 - k * s0) | (d1 - k * s1) | (d2 - k * s2)) >= 0) & (here < far[k])
            far[k] = here if nearer else far[k]
            seen[k] = f if nearer else seen[k]
        e0, e1, e2 = e0 + (x2 - x1) * 256, e1 + (x0 - x2) * 256, e2 + (x1 - x0) * 256


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
        if not w > 0:
            return 0
        polygon[0, k, 0], polygon[0, k, 1] = _snap(x, w, width), _snap(y, w, height)
        polygon[0, k, 2] = z / w
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
    return GUARD * point[3] + side * point[axis]


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
