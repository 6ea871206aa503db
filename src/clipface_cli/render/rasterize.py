"""Rasterise triangles: which triangle each pixel sees, and where on it."""

from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.autograd.function import once_differentiable

from clipface_cli.render import _gpu
from clipface_cli.render._check import (
    check_device,
    check_finite,
    check_float,
    check_ranges,
    check_resolution,
    check_triangles,
)
from clipface_cli.render._jit import Array, array, get_num_threads, indices
from clipface_cli.render._raster import backward, forward, vertex_parts
from clipface_cli.render._visibility import GUARD, SUBPIXEL


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
    """`rasterize` of float32 (B, V, 4) on the CPU that drops triangles which turn clockwise."""
    spans = _check(pos, tri, resolution, None)
    rast, rast_db = _Rasterize.apply(  # type: ignore[no-untyped-call]
        pos, tri, spans, resolution, True, True
    )
    return rast, rast_db


ShownPoints: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]


def shown_points(rast: Tensor) -> ShownPoints:
    """Of rast (H, W, 4): covered (H, W); of its N covered pixels face (N,) and weights (N, 3)."""
    shown = rast.double().numpy()
    covered = shown[..., 3] > 0
    two, face = shown[covered][:, :2], shown[covered][:, 3].astype(np.int64) - 1
    return covered, face, np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)


def _check(pos: Tensor, tri: Tensor, resolution: tuple[int, int], ranges: Tensor | None) -> Tensor:
    """Check the arguments; returns first and last + 1 of each image's triangles (B, 2)."""
    whole = ranges is None or pos.ndim == 3
    check_float("pos", pos, (None, None, 4) if whole else (None, 4))
    check_finite("pos", pos)
    check_triangles("tri", tri, pos.shape[-2])
    check_device("pos", pos, "tri", tri)
    if len(resolution) != 2:
        raise ValueError(f"resolution must be (height, width), not {resolution}")
    check_resolution(*resolution)
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
        forward(*arrays, cull, get_num_threads())
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
        backward(meshes, indices(tri), *arrays, parts)
        grad_pos = torch.from_numpy(parts.sum(axis=1)).to(pos.dtype).view_as(pos)
        return grad_pos, None, None, None, None, None


def _meshes(pos: Tensor) -> Array:
    return array(pos if pos.ndim == 3 else pos[None])


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
