"""The canonical maps of a head's texture, computed once: where every texel lies on the head."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import binary_erosion, distance_transform_edt, gaussian_filter
from scipy.spatial import cKDTree

from clipface_cli.geometry import vertex_normals
from clipface_cli.geometry.neighbours import cavity, half_edge_average
from clipface_cli.geometry.occlusion import ambient_occlusion, sky_views
from clipface_cli.head import HeadModel
from clipface_cli.render import rasterize, uv_raster
from clipface_cli.synth.painting.fields import Field, cells, noise, ramp

T = TypeVar("T")

_MOUTH_DROP = 0.067  # canonical height of the mouth line below the eyes, metres
_FRONT_SIZE = 1024
_FRONT_SPAN = 0.07  # half width of the front view in which the eye opening is found
_GROOVE_DEPTH = 0.0009  # metres below its neighbours at which a vertex lies in a groove
_FILLED = 0.98  # share of an occlusion map that the head fills at most
_MAP_ACROSS = (0.3, 0.1, 0.9)  # the occlusion maps' x axes are perpendicular to this
_FAR = 0.03  # distances are kept up to here

# Ramps of masks: 0 at the first, 1 at the second.
_UPPER_LASH = (-0.0012, 0.0006)  # height above the line between the eye's corners, metres
_VISIBLE = (0.55, 0.45)  # share of eyes, sockets and mouth
_RIM = (0.0034, 0.0026)  # distance to the lids, metres
_OFF_EYES = (0.6, 0.4)  # share of the eyeball
_FRONT = (-0.06, -0.04)  # z, metres

# Noises that people share: scale in metres, layout, octaves.
_BLOTCHES = (
    *((0.02, layout, 4) for layout in (1, 101, 201)),
    *((0.006, layout, 4) for layout in (2, 102, 202)),
    (0.0025, 3, 3),
)
_PATCHES = tuple((0.03, n, 5) for n in (75, 175, 275))
_GRAIN = ((0.0012, 30, 2), (0.004, 76, 3), (0.008, 71, 3))
_FRECKLES, _SPOTS = (0.0026, 3), (0.011, 9)  # cells: size in metres, layout


class Canvas:
    """Maps (R, R, ...) of a head's UV chart in canonical coordinates; R is `resolution`.

    Canonical coordinates are metres with y up, x to the head's left, z to the front, the origin
    between the eyeballs, scaled so that the mouth line lies 67 mm below it.
    """

    def __init__(self, head: HeadModel, resolution: int = 512) -> None:
        self.resolution = resolution
        self._head = head
        self._kept: dict[Hashable, Any] = {}
        vertices = head.template.double().numpy()
        self.faces = head.faces.numpy()
        self.vertex_masks = {
            name: mask.numpy().astype(np.float32) for name, mask in head.masks.items()
        }
        mouth = self._mouth_ring(vertices)
        self.scale = _MOUTH_DROP / -float(mouth[:, 1].mean())
        self.vertices = (vertices * self.scale).astype(np.float32)
        self.mouth_ring = (mouth * self.scale).astype(np.float32)
        self.eye_centres = (head.joint_template[3:5].numpy() * self.scale).astype(np.float32)
        self._bake()
        self._measure_eyes()
        self._measure_mouth()

    def _mouth_ring(self, vertices: NDArray[np.float64]) -> NDArray[np.float64]:
        """Points where the lips turn into the mouth's lining."""
        inside = self.vertex_masks["mouth_interior"] > 0.5
        for other in ("teeth", "tongue"):
            inside &= self.vertex_masks[other] < 0.5
        edges = np.concatenate(
            [self.faces[:, [0, 1]], self.faces[:, [1, 2]], self.faces[:, [2, 0]]]
        )
        crossing = edges[inside[edges[:, 0]] != inside[edges[:, 1]]]
        return vertices[crossing].mean(1)

    def _uv_raster(self) -> tuple[NDArray[np.int64], Field, NDArray[np.bool_]]:
        """Triangle (R, R), weights (R, R, 3) and coverage of every texel; row 0 at the top."""
        image = uv_raster(self._head, self.resolution)[0].numpy()
        covered = image[..., 3] > 0
        weights = np.stack([image[..., 0], image[..., 1], 1 - image[..., 0] - image[..., 1]], -1)
        return np.maximum(image[..., 3].astype(np.int64) - 1, 0), weights, covered

    def _bake(self) -> None:
        triangle, weights, covered = self._uv_raster()
        nearest = distance_transform_edt(~covered, return_distances=False, return_indices=True)
        rows, columns = nearest
        triangle, weights = triangle[rows, columns], weights[rows, columns].astype(np.float32)
        corners = self.faces[triangle]

        def baked(values: NDArray[np.float32]) -> Field:
            extra = (1,) * (values.ndim - 1)
            parts = (
                values[corners[..., k]] * weights[..., k].reshape(*triangle.shape, *extra)
                for k in range(3)
            )
            return np.asarray(sum(parts), np.float32)

        self.covered = covered
        self.inner = binary_erosion(covered)
        self.position = baked(self.vertices)
        normals = vertex_normals(self.vertices, self.faces).astype(np.float32)
        self.normal = _unit(baked(normals))
        self.region = {name: baked(mask) for name, mask in self.vertex_masks.items()}
        self.occlusion = baked(vertex_occlusion(self, normals))
        self.cavity = baked(vertex_cavity(self, normals))
        self.x, self.y, self.z = (np.ascontiguousarray(self.position[..., k]) for k in range(3))
        self.side = np.abs(self.x)
        self._differentiate()

    def _differentiate(self) -> None:
        du = np.zeros_like(self.position)
        dv = np.zeros_like(self.position)
        du[:, 1:-1] = (self.position[:, 2:] - self.position[:, :-2]) / 2
        dv[1:-1] = (self.position[2:] - self.position[:-2]) / 2
        e, g, f = (du * du).sum(-1), (dv * dv).sum(-1), (du * dv).sum(-1)
        determinant = (e * g - f * f + 1e-18)[..., None]
        rows = (g[..., None] * du - f[..., None] * dv, e[..., None] * dv - f[..., None] * du)
        self.jacobian = np.stack([row / determinant for row in rows], 2).astype(np.float32)
        self.area = np.linalg.norm(np.cross(du, dv), axis=-1).astype(np.float32)
        self.texel = gaussian_filter(np.sqrt(self.area) + 1e-6, 2)

    def _measure_eyes(self) -> None:
        """Distance to the visible rim of the eye opening, seen from the front."""
        rim = _eye_rim(self)
        self.rim = rim
        heights = np.zeros(len(rim), np.float32)
        self.eye_corners: dict[int, tuple[Field, Field]] = {}
        for sign in (-1, 1):
            part = rim[:, 0] * sign > 0
            points = rim[part]
            order = np.argsort(points[:, 0] * sign)
            inner, outer = points[order[:8]].mean(0), points[order[-8:]].mean(0)
            self.eye_corners[sign] = (inner, outer)
            slope = (points[:, 0] - inner[0]) / (outer[0] - inner[0])
            heights[part] = points[:, 1] - (inner[1] + slope * (outer[1] - inner[1]))
        distance, index = cKDTree(rim).query(
            self.position.reshape(-1, 3), distance_upper_bound=_FAR
        )
        found = np.append(heights, 0)[index]
        shape = self.x.shape
        self.lash = np.minimum(distance, _FAR).reshape(shape).astype(np.float32)
        self.lash_height = found.reshape(shape).astype(np.float32)
        self.upper_lash = ramp(_UPPER_LASH, self.lash_height)

    def _measure_mouth(self) -> None:
        ring = self.mouth_ring
        distance, _ = cKDTree(ring).query(self.position.reshape(-1, 3), distance_upper_bound=_FAR)
        self.mouth = np.minimum(distance, _FAR).reshape(self.x.shape).astype(np.float32)

    @cached_property
    def skin(self) -> Field:
        """1 on outer skin, 0 on eyeballs, sockets, mouth lining, teeth and tongue."""
        inside = ("eyes", "sockets", "mouth_interior", "teeth", "tongue")
        hidden = np.maximum.reduce([self.region[name] for name in inside])
        return np.asarray(ramp(_VISIBLE, hidden), np.float32)

    @cached_property
    def vertex_skin(self) -> Field:
        """1 at vertices (V,) of the outer skin."""
        inside = ("eyes", "sockets", "mouth_interior", "teeth", "tongue")
        return 1 - np.maximum.reduce([self.vertex_masks[name] for name in inside])

    @cached_property
    def corner_uv(self) -> NDArray[np.float64]:
        """UV (F, 3, 2) of every triangle's corners."""
        return self._head.uv.double().numpy()[self._head.uv_faces.numpy()]

    def region_share(self, region: Field) -> float:
        """Share of the outer skin's surface that a map (R, R) covers."""
        surface = self.area * self.skin * self.covered
        return float((region * surface).sum() / surface.sum())

    @cached_property
    def front(self) -> Field:
        """1 on the front of the head, where face features may lie; reaches round the lids' rim."""
        rim = ramp(_RIM, self.lash) * ramp(_OFF_EYES, self.region["eyes"])
        seen = np.maximum(self.skin, rim)
        return np.asarray(ramp(_FRONT, self.z) * seen, np.float32)

    @cached_property
    def wobble(self) -> Field:
        """Canonical blotches (3 scales x 3 layouts, R, R): 20, 6 and 2.5 mm."""
        return np.stack([noise(self.position, *entry) for entry in _BLOTCHES])

    @cached_property
    def patches(self) -> Field:
        """Canonical patch layouts of the looks (3, R, R), 30 mm."""
        return np.stack([noise(self.position, *entry) for entry in _PATCHES])

    @cached_property
    def grain(self) -> Field:
        """Fine noise (3, R, R): 1.2, 4 and 8 mm."""
        return np.stack([noise(self.position, *entry) for entry in _GRAIN])

    @cached_property
    def freckle_cells(self) -> Field:
        """Cell noise (R, R, 3) in which freckles lie."""
        return cells(self.position, *_FRECKLES)

    @cached_property
    def spot_cells(self) -> Field:
        """Cell noise (R, R, 3) in which age spots lie."""
        return cells(self.position, *_SPOTS)

    def once(self, make: Callable[..., T], *arguments: Hashable) -> T:
        """make(canvas, *arguments), made on the first call and kept."""
        key = (make, arguments)
        if key not in self._kept:
            self._kept[key] = make(self, *arguments)
        kept: T = self._kept[key]
        return kept

    def tangent(self, direction: Field) -> Field:
        """Unit directions (R, R, 3) laid into the surface."""
        along = (direction * self.normal).sum(-1, keepdims=True)
        return _unit(direction - along * self.normal)

    def blur(self, field: Field, sigma: float) -> Field:
        """Gaussian blur; sigma in texels of a 1024 texture."""
        return np.asarray(gaussian_filter(field, sigma * self.resolution / 1024), np.float32)


def _unit(vectors: Field) -> Field:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / (length + 1e-9), np.float32)


def _depth_map(
    points: Field, faces: NDArray[np.int64], size: int
) -> tuple[Field, NDArray[np.int64]]:
    """Depth (smaller nearer) and triangle + 1 of points (V, 3) in [-1, 1]; row 0 at y = -1."""
    clip = np.concatenate([points, np.ones((len(points), 1))], 1).astype(np.float32)
    rast, _ = rasterize(torch.from_numpy(clip)[None], torch.from_numpy(faces).int(), (size, size))
    image = rast[0].numpy()
    return image[..., 2], image[..., 3].astype(np.int64)


def _eye_rim(canvas: Canvas) -> Field:
    """Skin points (N, 3) that touch the eyeballs in an orthographic front view."""
    points = canvas.vertices / np.array([_FRONT_SPAN, _FRONT_SPAN, -0.5], np.float32)
    depth, triangle = _depth_map(points, canvas.faces, _FRONT_SIZE)
    eyeball = canvas.vertex_masks["eyes"][canvas.faces].min(1) > 0.5
    seen = (triangle > 0) & eyeball[np.maximum(triangle - 1, 0)]
    grown = seen.copy()
    grown[1:] |= seen[:-1]
    grown[:-1] |= seen[1:]
    grown[:, 1:] |= seen[:, :-1]
    grown[:, :-1] |= seen[:, 1:]
    rows, columns = np.nonzero(grown & ~seen & (triangle > 0))
    span = _FRONT_SPAN * 2 / _FRONT_SIZE
    x = (columns + 0.5) * span - _FRONT_SPAN
    y = (rows + 0.5) * span - _FRONT_SPAN
    return np.stack([x, y, -0.5 * depth[rows, columns]], 1).astype(np.float32)


def vertex_occlusion(canvas: Canvas, normals: Field) -> Field:
    """Share of the sky that each vertex sees (V,), the same on both sides of the head.

    All depth maps show the whole head at one scale, and both sides of the skin block light.
    """
    centre = (canvas.vertices.max(0) + canvas.vertices.min(0)) / 2
    vertices = canvas.vertices - centre
    span = 2 * float(np.linalg.norm(vertices, axis=1).max()) / _FILLED
    faces = np.concatenate([canvas.faces, canvas.faces[:, ::-1]]).astype(np.int32)
    views = sky_views(across=_MAP_ACROSS)
    return _symmetric(canvas, ambient_occlusion(vertices, normals, faces, views, span))


def vertex_cavity(canvas: Canvas, normals: Field) -> Field:
    """How hollow the surface is at each vertex (V,), -1 (ridge) .. 1.5 (groove)."""
    average = half_edge_average(canvas.faces, len(canvas.vertices))
    return _symmetric(canvas, cavity(canvas.vertices, normals, average, _GROOVE_DEPTH))


def _symmetric(canvas: Canvas, values: NDArray[np.floating]) -> Field:
    """Mean of the values (V,) left and right."""
    mirrored = canvas.vertices * np.array([-1, 1, 1], np.float32)
    _, index = cKDTree(canvas.vertices).query(mirrored)
    return np.asarray((values + values[index]) / 2, np.float32)
