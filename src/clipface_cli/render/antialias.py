"""Antialias silhouettes, and let gradients reach the vertices that form them.

Where neighbouring pixels see different surfaces and a silhouette edge of the nearer one passes
between their centres, the pixel that the edge cuts takes the fitting share of the other's colour.
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
from clipface_cli.render._jit import Array, array, device, indices, kernel, prange

_SLACK = 1 / 16  # an edge may miss the segment between two pixel centres by this much


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
    """(F, 3): across the edge opposite to each corner, the neighbour's far vertex.

    -1 where the edge is a border, or where more than two triangles meet.
    """
    triangles = indices(tri)
    edges = np.sort(triangles[:, [[1, 2], [2, 0], [0, 1]]].reshape(-1, 2), axis=1)
    order = np.lexsort((edges[:, 1], edges[:, 0]))
    edges = edges[order]
    same = (edges[1:] == edges[:-1]).all(axis=1)
    before, after = np.append(False, same), np.append(same, False)
    pairs = np.flatnonzero(after & ~before)
    pairs = pairs[~np.append(after, False)[pairs + 1]]
    opposite = np.full(triangles.size, -1)
    first, second = order[pairs], order[pairs + 1]
    opposite[first] = triangles.reshape(-1)[second]
    opposite[second] = triangles.reshape(-1)[first]
    return torch.from_numpy(opposite.reshape(-1, 3))


def antialias_ref(color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor) -> Tensor:
    """The same as `antialias` in plain PyTorch."""
    opposite = _check(color, rast, pos, tri, None)
    size = pos.new_tensor([rast.shape[2], rast.shape[1]])
    screen = (pos[..., :2] / pos[..., 3:] * 0.5 + 0.5) * size - 0.5  # in pixel indices
    silhouette = _silhouette_ref(screen.detach(), pos.detach(), tri.long(), opposite)
    out = color.clone()
    for axis in range(2):
        out = out + _blend_ref(color, rast, screen, tri.long(), silhouette, axis)
    return out


def _silhouette_ref(screen: Tensor, pos: Tensor, tri: Tensor, opposite: Tensor) -> Tensor:
    """(B, F, 3) whether the edge opposite to each corner is on the outline of its surface."""
    corners = screen[:, tri]
    ahead = (pos[:, tri, 3] > 0).all(-1, keepdim=True)
    p1, p2 = corners[:, :, [1, 2, 0]], corners[:, :, [2, 0, 1]]
    own = _area_ref(corners, p1, p2)
    wing = _area_ref(screen[:, opposite.clamp(min=0)], p1, p2)
    return ahead & ((opposite < 0) | ((own >= 0) == (wing >= 0)))


def _area_ref(a: Tensor, b: Tensor, c: Tensor) -> Tensor:
    ab, ac = b - a, c - a
    return ab[..., 0] * ac[..., 1] - ab[..., 1] * ac[..., 0]


def _blend_ref(
    color: Tensor, rast: Tensor, screen: Tensor, tri: Tensor, silhouette: Tensor, axis: int
) -> Tensor:
    """What the pairs of neighbours along x (axis 0) or y (axis 1) add to the image."""
    dim = 2 - axis
    count = rast.shape[dim] - 1
    here, there = rast.narrow(dim, 0, count), rast.narrow(dim, 1, count)
    nearer = (there[..., 3] == 0) | ((here[..., 3] > 0) & (here[..., 2] < there[..., 2]))
    ids = torch.where(nearer, here[..., 3], there[..., 3]).long() - 1
    b, y, x = torch.nonzero((here[..., 3] != there[..., 3]) & (ids >= 0), as_tuple=True)
    f, forward = ids[b, y, x], nearer[b, y, x]
    step = torch.where(forward, 1, -1)
    at = torch.stack([x, y], -1)
    at[:, axis] += ~forward
    corners = screen[b[:, None], tri[f]] - at[:, None]
    along, across = corners[..., axis] * step[:, None], corners[..., 1 - axis]
    along1, along2 = along[:, [1, 2, 0]], along[:, [2, 0, 1]]
    across1, across2 = across[:, [1, 2, 0]], across[:, [2, 0, 1]]
    crosses = (across1 > 0) != (across2 > 0)
    rise = torch.where(crosses, across2 - across1, 1)
    distance = torch.where(crosses, along1 - across1 * (along2 - along1) / rise, -torch.inf)
    edge = distance.argmax(-1, keepdim=True)
    steep = (across2 - across1).abs() >= (along2 - along1).abs()
    use = (crosses & steep & silhouette[b, f]).gather(1, edge)[:, 0]
    d = distance.gather(1, edge)[:, 0]
    use = use & (d > -_SLACK) & (d < 1 + _SLACK)
    b, y, x, d, forward = b[use], y[use], x[use], d[use].clamp(0, 1), forward[use]
    there_y, there_x = y + axis, x + 1 - axis
    to_there = (d > 0.5) == forward
    change = (d - 0.5).abs()[:, None] * (color[b, there_y, there_x] - color[b, y, x])
    change = torch.where(to_there[:, None], -change, change)
    target = b, torch.where(to_there, there_y, y), torch.where(to_there, there_x, x)
    return torch.zeros_like(color).index_put(target, change, accumulate=True)


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
    """Find where silhouettes cut pixels.

    Returns the first item of each image and the end of the last (B + 1,), the items (N, 6) =
    (target y, target x, source y, source x, vertices of the edge), and the share (N,) of the
    source's colour that the target takes, negative where the target is not on the edge's surface.
    """
    screen, silhouette = _silhouettes(pos, tri, opposite, rast.shape[1], rast.shape[2])
    counts = _count(rast, silhouette)
    ends = np.append(0, np.cumsum(counts))
    items = np.zeros((ends[-1], 6), np.int32)
    shares = np.zeros(ends[-1])
    _find(rast, screen, tri, silhouette, ends, items, shares)
    return ends[:: rast.shape[1]].copy(), items, shares


@kernel
def _silhouettes(
    pos: Array, tri: Array, opposite: Array, height: int, width: int
) -> tuple[Array, Array]:
    """Vertices in pixel indices (B, V, 2), and each triangle's outline edges as bits (B, F)."""
    batch, vertices, faces = pos.shape[0], pos.shape[1], tri.shape[0]
    screen = np.empty((batch, vertices, 2))
    for i in prange(batch * vertices):
        x, y, _, w = pos[i // vertices, i % vertices]
        screen[i // vertices, i % vertices, 0] = (x / w * 0.5 + 0.5) * width - 0.5
        screen[i // vertices, i % vertices, 1] = (y / w * 0.5 + 0.5) * height - 0.5
    silhouette = np.zeros((batch, faces), np.uint8)
    for i in prange(batch * faces):
        b, f = i // faces, i % faces
        t0, t1, t2 = tri[f, 0], tri[f, 1], tri[f, 2]
        if pos[b, t0, 3] > 0 and pos[b, t1, 3] > 0 and pos[b, t2, 3] > 0:
            own = _area(screen[b], t0, t1, t2) >= 0
            o0, o1, o2 = opposite[f, 0], opposite[f, 1], opposite[f, 2]
            if o0 < 0 or (_area(screen[b], o0, t1, t2) >= 0) == own:
                silhouette[b, f] |= 1
            if o1 < 0 or (_area(screen[b], o1, t2, t0) >= 0) == own:
                silhouette[b, f] |= 2
            if o2 < 0 or (_area(screen[b], o2, t0, t1) >= 0) == own:
                silhouette[b, f] |= 4
    return screen, silhouette


@device
def _area(screen: Array, a: int, b: int, c: int) -> float:
    x, y = screen[a, 0], screen[a, 1]
    return (screen[b, 0] - x) * (screen[c, 1] - y) - (screen[b, 1] - y) * (screen[c, 0] - x)


@device
def _nearer(here: Array, there: Array) -> bool:
    """Whether the first of two pixels sees the nearer surface."""
    return there[3] == 0 or (here[3] > 0 and here[2] < there[2])


@device
def _outlined(here: Array, there: Array, silhouette: Array) -> bool:
    """Whether two pixels see different triangles of which the nearer has an outline edge."""
    if here[3] == there[3]:
        return False
    f = np.int64(here[3] if _nearer(here, there) else there[3]) - 1
    return silhouette[f] != 0


@kernel
def _count(rast: Array, silhouette: Array) -> Array:
    """How many pairs each row (B * H) may have to blend."""
    batch, height, width = rast.shape[:3]
    counts = np.zeros(batch * height, np.int64)
    for row in prange(batch * height):
        b, y = row // height, row % height
        count = 0
        for x in range(width):
            here = rast[b, y, x]
            if x + 1 < width and _outlined(here, rast[b, y, x + 1], silhouette[b]):
                count += 1
            if y + 1 < height and _outlined(here, rast[b, y + 1, x], silhouette[b]):
                count += 1
        counts[row] = count
    return counts


@kernel
def _find(
    rast: Array,
    screen: Array,
    tri: Array,
    silhouette: Array,
    ends: Array,
    items: Array,
    shares: Array,
) -> None:
    """Fill each row's items and shares."""
    batch, height, width = rast.shape[:3]
    for row in prange(batch * height):
        b, y = row // height, row % height
        n = ends[row]
        if n == ends[row + 1]:
            continue
        for x in range(width):
            for axis in range(2):
                y1, x1 = y + axis, x + 1 - axis
                if x1 == width or y1 == height:
                    continue
                if _outlined(rast[b, y, x], rast[b, y1, x1], silhouette[b]):
                    shares[n] = _cut(rast[b], screen[b], tri, silhouette[b], y, x, axis, items[n])
                    n += 1


@device
def _cut(
    rast: Array,
    screen: Array,
    tri: Array,
    silhouette: Array,
    y: int,
    x: int,
    axis: int,
    item: Array,
) -> float:
    """Fill a pair's item; returns its share, 0 when no outline edge passes between the two."""
    y1, x1 = y + axis, x + 1 - axis
    forward = _nearer(rast[y, x], rast[y1, x1])
    if not forward:
        y, x, y1, x1 = y1, x1, y, x
    f = np.int64(rast[y, x, 3]) - 1
    edge, best = -1, -np.inf
    for i in range(3):
        a, b = tri[f, (i + 1) % 3], tri[f, (i + 2) % 3]
        if (_across(screen, a, y, x, axis) > 0) != (_across(screen, b, y, x, axis) > 0):
            d = _distance(screen, a, b, y, x, axis, forward)
            if d > best:
                edge, best = i, d
    if edge < 0 or not (silhouette[f] >> edge) & 1 or best <= -_SLACK or best >= 1 + _SLACK:
        return 0.0
    a, b = tri[f, (edge + 1) % 3], tri[f, (edge + 2) % 3]
    rise = screen[b, 1 - axis] - screen[a, 1 - axis]
    if abs(rise) < abs(screen[b, axis] - screen[a, axis]):
        return 0.0
    d = min(max(best, 0.0), 1.0)
    if d > 0.5:
        item[0], item[1], item[2], item[3] = y1, x1, y, x
    else:
        item[0], item[1], item[2], item[3] = y, x, y1, x1
    item[4], item[5] = a, b
    return 0.5 - d


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
    channels = color.shape[3]
    difference = np.zeros((items.shape[0], channels), color.dtype)
    for b in prange(color.shape[0]):
        for n in range(starts[b], starts[b + 1]):
            if shares[n] != 0:
                for c in range(channels):
                    source = color[b, items[n, 2], items[n, 3], c]
                    difference[n, c] = source - color[b, items[n, 0], items[n, 1], c]
        for n in range(starts[b], starts[b + 1]):
            if shares[n] != 0:
                for c in range(channels):
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
    height, width, channels = grad.shape[1:]
    for b in prange(grad.shape[0]):
        weights = np.zeros(starts[b + 1] - starts[b])
        changes = np.zeros((starts[b + 1] - starts[b], channels))
        for n in range(starts[b], starts[b + 1]):
            k = n - starts[b]
            for c in range(channels):
                g = grad[b, items[n, 0], items[n, 1], c]
                weights[k] += g * difference[n, c]
                changes[k, c] = abs(shares[n]) * g
        for n in range(starts[b], starts[b + 1]):
            if shares[n] == 0:
                continue
            for c in range(channels):
                grad[b, items[n, 0], items[n, 1], c] -= changes[n - starts[b], c]
                grad[b, items[n, 2], items[n, 3], c] += changes[n - starts[b], c]
            if abs(shares[n]) < 0.5:
                weight = weights[n - starts[b]]
                _move_edge(pos[b], items[n], shares[n], weight, height, width, grad_pos[b])


@device
def _move_edge(
    pos: Array, item: Array, share: float, weight: float, height: int, width: int, grad_pos: Array
) -> None:
    """Pass the gradient of a pair's share on to the two vertices of its edge."""
    axis = 0 if item[0] == item[2] else 1
    inside = share > 0  # the target sees the edge's surface
    y, x = (item[0], item[1]) if inside else (item[2], item[3])
    toward = (item[3] - item[1]) + (item[2] - item[0])
    forward = toward > 0 if inside else toward < 0
    # share = 0.5 - d; the source's part is |share|
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
