"""Rasterise triangles: which triangle each pixel sees, and where on it."""

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.render._check import (
    check_device,
    check_finite,
    check_float,
    check_ranges,
    check_resolution,
    check_triangles,
)
from clipface_cli.render.backends import Backend, backend_of
from clipface_cli.render.backends.cpu import GUARD, SUBPIXEL


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
    ranges = _check(pos, tri, resolution, ranges)
    if pos.dtype == torch.float64 and pos.device.type == "cpu":
        return _rasterize_ref(pos, tri, resolution, ranges, grad_db)
    return backend_of(pos.device).rasterize(pos, tri, resolution, ranges, grad_db)


def rasterize_front(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], backend: Backend
) -> Tensor:
    """rast (B, H, W, 4) of the triangles of (B, V, 4) that turn counter-clockwise; checks nothing.

    In float64, on the CPU, a pixel sees the triangle that it sees in float32; where on it, float64
    tells.
    """
    if pos.dtype != torch.float64 or pos.device.type != "cpu":
        return backend.rasterize_front(pos, tri, resolution)
    rast = backend.rasterize_front(pos.detach().float(), tri, resolution)
    return _places_ref(pos, tri, rast[..., 3].long() - 1, True)[0]


ShownPoints: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]


def shown_points(rast: Tensor) -> ShownPoints:
    """Of rast (H, W, 4): covered (H, W); of its N covered pixels face (N,) and weights (N, 3)."""
    shown = rast.double().cpu().numpy()
    covered = shown[..., 3] > 0
    two, face = shown[covered][:, :2], shown[covered][:, 3].astype(np.int64) - 1
    return covered, face, np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)


def _check(
    pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None
) -> Tensor | None:
    """Check the arguments; returns the ranges where they are used."""
    whole = ranges is None or pos.ndim == 3
    check_float("pos", pos, (None, None, 4) if whole else (None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[-2])
    check_device("pos", pos, "tri", tri)
    if len(resolution) != 2:
        raise ValueError(f"resolution must be (height, width), not {resolution}")
    check_resolution(*resolution)
    if whole or ranges is None:
        return None
    check_ranges("ranges", ranges, len(tri))
    return ranges


def rasterize_ref(
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Tensor | None = None,
    grad_db: bool = True,
) -> tuple[Tensor, Tensor]:
    """rast and rast_db (B, H, W, 4) as of `rasterize`, in plain PyTorch, a triangle at a time."""
    return _rasterize_ref(pos, tri, resolution, _check(pos, tri, resolution, ranges), grad_db)


def _rasterize_ref(
    pos: Tensor,
    tri: Tensor,
    resolution: tuple[int, int],
    ranges: Tensor | None,
    grad_db: bool,
) -> tuple[Tensor, Tensor]:
    height, width = resolution
    spans = [[0, len(tri)]] * len(pos) if ranges is None else ranges.long().cumsum(1).tolist()
    pos = pos.expand(len(spans), -1, -1)
    meshes = zip(pos.detach().double(), spans, strict=True)
    ids = torch.stack([_visible_ref(mesh, tri, span, height, width) for mesh, span in meshes])
    return _places_ref(pos, tri, ids, grad_db)


def _places_ref(pos: Tensor, tri: Tensor, ids: Tensor, grad_db: bool) -> tuple[Tensor, Tensor]:
    """rast and rast_db of meshes (B, V, 4) whose triangle at each pixel is given.

    ids (B, H, W): -1 where there is none.
    """
    height, width = ids.shape[1:]
    images = torch.arange(len(pos), device=pos.device)[:, None, None, None]
    corners = pos[images, tri.long()[ids.clamp(min=0)]]  # (B, H, W, 3 corners, xyzw)
    points = corners[..., [0, 1, 3]]
    lines = torch.linalg.cross(points[..., [1, 2, 0], :], points[..., [2, 0, 1], :])
    fx, fy = (
        (2 * torch.arange(size, dtype=pos.dtype, device=pos.device) + 1) / size - 1
        for size in (width, height)
    )
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
    ids = tri.new_full((height, width), -1, dtype=torch.long)
    nearest = pos.new_full((height, width), torch.inf)
    rows, columns = (torch.arange(size, device=pos.device) for size in (height, width))
    py, px = torch.meshgrid(rows, columns, indexing="ij")
    px, py = px * SUBPIXEL + SUBPIXEL // 2, py * SUBPIXEL + SUBPIXEL // 2
    for f in range(*span):
        corners = tri[f].tolist()
        polygon = _clip_ref([pos[c] for c in corners])
        for k in range(1, len(polygon) - 1):
            fan = torch.stack([polygon[0], polygon[k], polygon[k + 1]])
            screen = (fan[:, :2] / fan[:, 3:] * 0.5 + 0.5) * fan.new_tensor([width, height])
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
    planes += [[0, -1, 0, GUARD], [0, 1, 0, GUARD]]
    for plane in polygon[0].new_tensor(planes):
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
