"""Antialias silhouettes, and let gradients reach the vertices that form them.

Where a silhouette edge passes between two pixel centres, the pixel that it cuts takes the fitting
share of the other's colour. The edge is found by walking over the mesh from the pixel that sees the
nearer surface, so that it is found, too, where triangles are thinner than a pixel.
"""

import torch
from torch import Tensor

from clipface_cli.render._check import (
    check_device,
    check_finite,
    check_float,
    check_integers,
    check_rast,
    check_same,
    check_tensor,
    check_triangles,
)
from clipface_cli.render.backends import Backend, TopologyHash, backend_of
from clipface_cli.render.backends.cpu import SLACK, STEPS, outline_edges


def antialias(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: TopologyHash | None = None,
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
    if color.device.type == "cpu":
        topology_hash = _opposite(tri, topology_hash)
        if color.dtype == torch.float64:
            return _antialias_ref(color, rast, pos, tri, topology_hash, pos_gradient_boost)
    backend = backend_of(color.device)
    return backend.antialias(color, rast, pos, tri, topology_hash, pos_gradient_boost)


def antialias_front(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, topology: TopologyHash, backend: Backend
) -> Tensor:
    """Colours (B, H, W, C) as of `antialias` after `rasterize_front`, by this backend; unchecked.

    In float64, on the CPU, the pairs of pixels between which outlines pass are found in float32,
    and the blending weights in float64.
    """
    if color.dtype != torch.float64 or color.device.type != "cpu":
        return backend.antialias(color, rast, pos, tri, topology, 1.0)
    return _blended_ref(color, rast, pos, outline_edges(rast, pos.float(), tri, topology))


def antialias_construct_topology_hash(tri: Tensor) -> TopologyHash:
    """The connectivity of triangles (F, 3), the argument `topology_hash` of `antialias`.

    On the CPU (F, 3): across the edge opposite to each corner, the far corner, as
    3 * triangle + corner; -1 where the edge is a border, or where more than two triangles meet.
    """
    check_integers("tri", tri, (None, 3))
    return backend_of(tri.device).topology_hash(tri)


def antialias_ref(
    color: Tensor,
    rast: Tensor,
    pos: Tensor,
    tri: Tensor,
    topology_hash: Tensor | None = None,
    pos_gradient_boost: float = 1.0,
) -> Tensor:
    """Colours (B, H, W, C) as of `antialias`, in plain PyTorch, one pair of pixels at a time."""
    _check(color, rast, pos, tri)
    opposite = _opposite(tri, topology_hash)
    return _antialias_ref(color, rast, pos, tri, opposite, pos_gradient_boost)


def _antialias_ref(
    color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor, opposite: Tensor, boost: float
) -> Tensor:
    pos = pos.expand(len(rast), -1, -1)
    pos = pos * boost + (1 - boost) * pos.detach()
    edges = _edges_ref(rast.detach(), pos.detach().double(), tri.long(), opposite)
    found = torch.tensor(edges, dtype=torch.long, device=pos.device).reshape(-1, 7)
    return _blended_ref(color, rast, pos, found)


def _blended_ref(color: Tensor, rast: Tensor, pos: Tensor, edges: Tensor) -> Tensor:
    """Color blended over outlines (N, 7) as `_edges_ref` lists them."""
    b, y, x, axis, forward, near, far = edges.unbind(1)
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
    images = torch.arange(len(pos), device=pos.device)[:, None, None, None]
    corners = pos[images, tri[(rast[..., 3].long() - 1).clamp(min=0)]]
    points = corners[..., [0, 1, 3]]
    lines = torch.linalg.cross(points[..., [1, 2, 0], :], points[..., [2, 0, 1], :])
    fx, fy = (
        (2 * torch.arange(size, dtype=pos.dtype, device=pos.device) + 1) / size - 1
        for size in rast.shape[2:0:-1]
    )
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
    for _ in range(STEPS):
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
            return (a, b) if steep and -SLACK < d < 1 + SLACK else None
        if d >= 1 + SLACK:
            return None
        f, entered = divmod(int(opposite[f, -i]), 3)
    return None


def _check(color: Tensor, rast: Tensor, pos: Tensor, tri: Tensor) -> None:
    check_tensor("pos", pos)
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


def _opposite(tri: Tensor, topology_hash: TopologyHash | None) -> Tensor:
    if topology_hash is None:
        topology_hash = antialias_construct_topology_hash(tri)
    if not isinstance(topology_hash, Tensor) or topology_hash.shape != tri.shape:
        raise ValueError("topology_hash must come from antialias_construct_topology_hash(tri)")
    return topology_hash
