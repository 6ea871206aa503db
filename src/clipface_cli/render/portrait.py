"""Portraits for people: a textured head under studio light. Not differentiable."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from . import _shading
from ._lashes import draw_lashes, lash_curves
from ._occlusion import ambient_occlusion
from ._topology import Head, Topology, topology
from ._zbuffer import nearest

Float = NDArray[np.float32]

DISTANCE = 1.05  # metres from the camera to the middle of the head
SPAN = 0.273  # metres seen across the picture at that distance
PIVOT = np.array([0.0, -0.012, -0.05], np.float32)  # middle of the head, from between the eyes
THREE_QUARTER = math.radians(-38)
SHADOW_MAP = 1024


@dataclass(frozen=True)
class _Figure:
    """A posed head ready to be seen from anywhere."""

    topology: Topology
    vertices: Float  # (V1, 3) from the pivot
    normals: Float
    smooth: Float
    tangents: Float
    table: Float  # (V1, COLUMNS)
    texture: Float  # (T, T, 5) linear RGB, height gradient
    skin: tuple[float, float]
    eyes: Float  # (2, 3)
    lashes: Float  # (N, P, 3)
    lash_alpha: Float


def portrait(
    head: Head,
    vertices: torch.Tensor,
    texture: torch.Tensor | NDArray[np.uint8],
    yaw: float = 0.0,
    pitch: float = 0.0,
    resolution: int = 1024,
    background: tuple[int, int, int] | None = None,
) -> NDArray[np.uint8]:
    """Picture (resolution, resolution, 3) of one head, sRGB.

    vertices (V,3) in metres; texture (3,R,R) in [-1,1] or an (R,R,3) uint8 image; yaw and pitch in
    radians turn the head to its own left and up; background is an sRGB colour, by default a grey
    studio wall.
    """
    views = [(yaw, pitch)]
    return portraits(head, vertices, texture, views, resolution, background)[0]


def portraits(
    head: Head,
    vertices: torch.Tensor,
    texture: torch.Tensor | NDArray[np.uint8],
    views: Sequence[tuple[float, float]] = ((0.0, 0.0), (THREE_QUARTER, 0.0)),
    resolution: int = 1024,
    background: tuple[int, int, int] | None = None,
) -> list[NDArray[np.uint8]]:
    """`portrait` from several (yaw, pitch), by default front and three-quarter."""
    figure = _prepare(topology(head), vertices, texture)
    return [_view(figure, yaw, pitch, resolution, background) for yaw, pitch in views]


def _prepare(
    fixed: Topology, vertices: torch.Tensor, texture: torch.Tensor | NDArray[np.uint8]
) -> _Figure:
    coarse = vertices.detach().cpu().numpy().astype(np.float64)
    points = (fixed.refine @ coarse).astype(np.float32) - PIVOT
    points = _round_eyes(fixed, points)
    normals = _normals(points, fixed.faces)
    smooth = normals
    for _ in range(4):
        smooth = fixed.blend @ smooth
    rgb = _linear_texture(texture)
    masks = fixed.masks
    table = np.zeros((len(points), _shading.COLUMNS), np.float32)
    table[:, _shading.AO] = ambient_occlusion(points, normals, fixed.coarse_faces)
    table[:, _shading.CAVITY] = _cavity(fixed, points, normals)
    table[:, _shading.GLOSS] = _gloss(fixed)
    table[:, _shading.HAIR] = masks["scalp"]
    crown = np.array([0.0, 0.10, -0.02], np.float32)
    tangents = points - crown
    tangents -= (tangents * normals).sum(1, keepdims=True) * normals
    tangents /= np.linalg.norm(tangents, axis=1, keepdims=True) + 1e-9
    curves, alpha = lash_curves(fixed, points, normals, normals)
    eyes = np.zeros((2, 3), np.float32)
    for i, eye in enumerate(fixed.eyes):
        eyes[i] = (points[eye].min(0) + points[eye].max(0)) / 2
    return _Figure(
        fixed,
        points,
        normals,
        _unit(smooth),
        tangents,
        table,
        np.ascontiguousarray(np.concatenate([rgb, _height_gradient(rgb)], axis=2)),
        _skin_key(fixed, rgb),
        eyes,
        curves,
        alpha,
    )


def _unit(vectors: Float) -> Float:
    return np.asarray(
        vectors / (np.linalg.norm(vectors, axis=-1, keepdims=True) + 1e-12), np.float32
    )


def _normals(points: Float, faces: NDArray[np.int32]) -> Float:
    """Area-weighted vertex normals."""
    a, b, c = points[faces[:, 0]], points[faces[:, 1]], points[faces[:, 2]]
    across = np.cross(b - a, c - a)
    total = [
        np.bincount(faces.ravel(), np.repeat(across[:, axis], 3), len(points)) for axis in range(3)
    ]
    return _unit(np.stack(total, axis=1).astype(np.float32))


def _round_eyes(fixed: Topology, points: Float) -> Float:
    """Lift the new vertices of the eyeballs onto the sphere."""
    return points


def _cavity(fixed: Topology, points: Float, normals: Float) -> Float:
    """Concavity (V1,): 1 in a sharp crease, negative on ridges."""
    bend = ((fixed.blend @ points - points) * normals).sum(axis=1) / 0.0004
    bend = np.clip(bend, -1, 1.5)
    return np.asarray(0.5 * bend + 0.5 * (fixed.blend @ bend), np.float32)


def _gloss(fixed: Topology) -> Float:
    x, y, z = fixed.rest.T
    masks = fixed.masks
    forehead = np.clip((y - 0.025) / 0.02, 0, 1) * (z > -0.04)
    gloss = 0.34 + 0.12 * forehead + 0.22 * masks["nose"] - 0.10 * masks["neck"]
    gloss = gloss * (1 - masks["lips"]) + 0.55 * masks["lips"]
    wet = np.maximum.reduce(
        [masks["mouth_interior"], masks["teeth"], masks["tongue"], masks["lids"]]
    )
    return np.asarray(gloss * (1 - wet) + 0.9 * wet, np.float32)


def _linear_texture(texture: torch.Tensor | NDArray[np.uint8]) -> Float:
    """(T,T,3) linear light, enlarged to at least 1024 texels a side."""
    if isinstance(texture, torch.Tensor):
        image = texture.detach().cpu().float()[None] * 0.5 + 0.5
    else:
        image = torch.from_numpy(np.ascontiguousarray(texture)).permute(2, 0, 1)[None].float() / 255
    if image.shape[-1] < 1024:
        image = torch.nn.functional.interpolate(image, (1024, 1024), mode="bicubic")
    srgb = image[0].permute(1, 2, 0).clamp(0, 1)
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return linear.contiguous().numpy()


def _height_gradient(rgb: Float) -> Float:
    """(T,T,2) gradient of a relief read from fine luminance, in metres per UV unit."""
    size = rgb.shape[0]
    light = np.log(rgb @ np.array([0.3, 0.55, 0.15], np.float32) + 0.02)
    fine = light - gaussian_filter(light, size / 250)
    relief = np.clip(fine, -0.5, 0.5) * 0.0002
    dv, du = np.gradient(relief)
    return np.stack([du * size, -dv * size], axis=2).astype(np.float32)


def _skin_key(fixed: Topology, rgb: Float) -> tuple[float, float]:
    """Brightness (sum of channels) and redness of the face's skin, to tell hair from scalp."""
    masks = fixed.masks
    bare = (masks["face"] > 0.9) & (masks["scalp"] < 0.1) & (masks["eyes"] + masks["lips"] < 0.1)
    if not bare.any():
        return 1.0, 0.4
    uv = fixed.uv[fixed.vertex_uv[bare]]
    size = rgb.shape[0] - 1
    column = np.clip(uv[:, 0] * size, 0, size).astype(int)
    row = np.clip((1 - uv[:, 1]) * size, 0, size).astype(int)
    red, green, blue = np.median(rgb[row, column], axis=0)
    total = float(red + green + blue)
    return total, float(red / (total + 0.01))


def _view(
    figure: _Figure,
    yaw: float,
    pitch: float,
    resolution: int,
    background: tuple[int, int, int] | None,
) -> NDArray[np.uint8]:
    fixed, size = figure.topology, 2 * resolution
    turn = _rotation(yaw, pitch)
    points = figure.vertices @ turn.T
    screen = _project(points, size)
    depth, ids = nearest(screen, fixed.faces, size, size)
    frame, origin, scale, light_depth = _key_depth(points, fixed.faces)
    image = _studio(size, background)
    camera = (0.0, 0.0, DISTANCE)
    _shading.shade(
        ids,
        screen,
        points,
        figure.normals @ turn.T,
        figure.smooth @ turn.T,
        figure.tangents @ turn.T,
        figure.table,
        (fixed.faces, fixed.uv, fixed.uv_faces, fixed.material),
        figure.texture,
        figure.skin,
        figure.eyes @ turn.T,
        (frame, origin, scale),
        light_depth,
        camera,
        image,
    )
    lashes = figure.lashes @ turn.T
    draw_lashes(_project(lashes, size), figure.lash_alpha, depth, image)
    out = np.empty((resolution, resolution, 3), np.uint8)
    _shading.resolve(image, out)
    return out


def _rotation(yaw: float, pitch: float) -> Float:
    cy, sy, cx, sx = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    about_y = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    about_x = np.array([[1, 0, 0], [0, cx, sx], [0, -sx, cx]])
    return np.asarray(about_x @ about_y, np.float32)


def _project(points: Float, size: int) -> Float:
    """Pixel x, pixel y (down) and distance along the view axis."""
    distance = DISTANCE - points[..., 2]
    scale = size / SPAN * DISTANCE / distance
    x = points[..., 0] * scale + size / 2
    y = size / 2 - points[..., 1] * scale
    return np.stack([x, y, distance], axis=-1).astype(np.float32)


def _key_depth(points: Float, faces: NDArray[np.int32]) -> tuple[Float, Float, float, Float]:
    """Depth map of the head seen from the key light: frame rows, pixel origin, pixels a metre."""
    key = np.array(_shading.KEY)
    right = np.cross([0.0, 1.0, 0.0], key)
    right /= np.linalg.norm(right)
    frame = np.stack([right, np.cross(right, key), -key]).astype(np.float32)
    seen = points @ frame.T
    low, high = seen[:, :2].min(0), seen[:, :2].max(0)
    scale = float((SHADOW_MAP - 8) / (high - low).max())
    origin = np.asarray(low - 4 / scale, np.float32)
    seen[:, :2] = (seen[:, :2] - origin) * scale
    depth, _ = nearest(np.ascontiguousarray(seen, np.float32), faces, SHADOW_MAP, SHADOW_MAP)
    return frame, origin, scale, depth


def _studio(size: int, background: tuple[int, int, int] | None) -> Float:
    """Linear backdrop (size, size, 3)."""
    colour = np.array(background or (96, 92, 90), np.float32) / 255
    linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
    if background is not None:
        return np.broadcast_to(linear, (size, size, 3)).astype(np.float32)
    axis = (np.arange(size, dtype=np.float32) + 0.5) / size
    fade = 1.25 - 1.1 * np.hypot(axis[None] - 0.42, axis[:, None] - 0.45)
    return np.clip(fade[..., None] * linear, 0.01, 1).astype(np.float32)
