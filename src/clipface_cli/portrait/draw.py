"""Portraits for people: a textured head under studio light. Not differentiable."""

import math
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.geometry.jit import Array
from clipface_cli.geometry.zbuffer import nearest
from clipface_cli.head import HeadModel
from clipface_cli.portrait import _hair, _lashes, long_strands
from clipface_cli.portrait._hair import grow
from clipface_cli.portrait._shading import GRAIN, shade
from clipface_cli.portrait._tone_mapping import WALL, inverse_tone_map, paint_wall, tone_map
from clipface_cli.portrait.curves import SHARP, Curves, draw_curves
from clipface_cli.portrait.long_strands import comb
from clipface_cli.portrait.posed_head import PosedHead, Texture, pose_head
from clipface_cli.portrait.scene import (
    CAMERA,
    EYE,
    GAZE,
    KEY,
    LIGHT,
    LIGHT_MAP,
    NORMAL,
    PLACES,
    POSITION,
    SCREEN,
    SKIN_TONE,
    SMOOTH,
    TANGENT,
    Scene,
)
from clipface_cli.portrait.topology import topology

Colour: TypeAlias = tuple[int, int, int]

DISTANCE = 1.05  # metres from the camera to the middle of the head
SPAN = 0.288  # metres seen across the picture at that distance
PIVOT = np.array([0.0, -0.018, -0.05], np.float32)  # middle of the head, from between the eyes
THREE_QUARTER = math.radians(-38)
SHADOW_MAP = 1024


def portrait(
    head: HeadModel,
    vertices: Tensor,
    texture: Texture,
    yaw: float = 0.0,
    pitch: float = 0.0,
    resolution: int = 1024,
    background: Colour | None = None,
) -> NDArray[np.uint8]:
    """Picture (resolution, resolution, 3) of one head, sRGB.

    vertices (V,3) in metres; texture (3,R,R) in [-1,1] or an (R,R,3) uint8 image; yaw and pitch in
    radians turn the head to its own left and up; background is an sRGB colour, by default a grey
    studio wall. Raises ValueError on arguments of other shapes or vertices that are not finite.
    """
    return portraits(head, vertices, texture, [(yaw, pitch)], resolution, background)[0]


def portraits(
    head: HeadModel,
    vertices: Tensor,
    texture: Texture,
    views: Sequence[tuple[float, float]] = ((0.0, 0.0), (THREE_QUARTER, 0.0)),
    resolution: int = 1024,
    background: Colour | None = None,
) -> list[NDArray[np.uint8]]:
    """Pictures (resolution, resolution, 3) as `portrait` gives them, one for each of `views`.

    views: (yaw, pitch) in radians, by default front and three-quarter.
    """
    _check(head, vertices, texture, resolution)
    posed = pose_head(topology(head), vertices, texture)

    def seen(view: tuple[float, float]) -> NDArray[np.uint8]:
        return _photograph(posed, *view, resolution, background)

    with ThreadPoolExecutor(min(len(views), torch.get_num_threads())) as pool:
        return list(pool.map(seen, views))


def _check(head: HeadModel, vertices: Tensor, texture: Texture, resolution: int) -> None:
    if vertices.shape != head.template.shape or not bool(vertices.isfinite().all()):
        raise ValueError(f"vertices must be finite, of shape {tuple(head.template.shape)}")
    channels = 0 if isinstance(texture, Tensor) else 2
    if len(texture.shape) != 3 or texture.shape[channels] != 3:
        raise ValueError("texture must be a tensor (3, R, R) or a uint8 image (R, R, 3)")
    if resolution < 1:
        raise ValueError(f"resolution must be positive, not {resolution}")


def _photograph(
    posed: PosedHead, yaw: float, pitch: float, resolution: int, background: Colour | None
) -> NDArray[np.uint8]:
    size, turn = 2 * resolution, rotation(yaw, pitch)
    scene = stage(posed, turn, size)
    depth, ids = nearest(scene.vertices[:, SCREEN:POSITION], posed.topology.faces, size, size)
    image = np.empty((size, size, 3), np.float32)
    if background is None:
        paint_wall(image, WALL, 1.0)
    else:
        paint_wall(image, inverse_tone_map(background), 0.0)
    shade(ids, scene, image)
    strands = grow(posed.topology.roots, scene)
    draw_curves(project(strands.points, size), strands, depth, _hair.DEPTH_BIAS, image)
    every = max(1, round(SHARP / size))
    strands = Curves(*(part[::every] for part in comb(posed.topology, scene)))
    bias = long_strands.DEPTH_BIAS
    draw_curves(project(strands.points, size), strands, depth, bias, image, long_strands.FADE)
    lashes = posed.lashes
    screen = project((lashes.points - PIVOT) @ turn.T, size)
    draw_curves(screen, lashes, depth, _lashes.DEPTH_BIAS, image)
    picture = np.empty((resolution, resolution, 3), np.uint8)
    tone_map(image, picture)
    return picture


def stage(posed: PosedHead, turn: Array, size: int) -> Scene:
    """Put the head before the camera and light it; `size`: pixels a side.

    turn (3, 3): rotation of the head.
    """
    fixed = posed.topology
    vertices = posed.vertices.copy()
    for column in (NORMAL, SMOOTH, TANGENT):
        vertices[:, column : column + 3] = vertices[:, column : column + 3] @ turn.T
    positions = (vertices[:, POSITION : POSITION + 3] - PIVOT) @ turn.T
    vertices[:, POSITION : POSITION + 3] = positions
    vertices[:, SCREEN : SCREEN + 3] = project(positions, size)
    places = np.zeros((PLACES, 3), np.float32)
    places[CAMERA] = 0, 0, DISTANCE
    places[EYE : EYE + 2] = (posed.eyes - PIVOT) @ turn.T
    places[GAZE : GAZE + 2] = posed.gazes @ turn.T
    places[SKIN_TONE] = *posed.skin, GRAIN * min(1.0, max(0.0, (size - 700) / 1000))
    depth = _key_view(positions, fixed.faces, places)
    return Scene(vertices, fixed.triangles, fixed.uv, posed.texture, depth, places)


def rotation(yaw: float, pitch: float) -> Array:
    """Matrix (3, 3) that turns a head by yaw to its own left, then by pitch up, in radians."""
    cos_y, sin_y, cos_x, sin_x = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
    about_y = np.array([[cos_y, 0, sin_y], [0, 1, 0], [-sin_y, 0, cos_y]])
    about_x = np.array([[1, 0, 0], [0, cos_x, sin_x], [0, -sin_x, cos_x]])
    return (about_x @ about_y).astype(np.float32)


def project(points: Array, size: int) -> Array:
    """Pixel x, pixel y (down) and distance along the view axis, of (..., 3) metres."""
    distance = DISTANCE - points[..., 2]
    scale = size / SPAN * DISTANCE / distance
    x, y = points[..., 0] * scale + size / 2, size / 2 - points[..., 1] * scale
    return np.stack([x, y, distance], axis=-1).astype(np.float32)


def _key_view(points: Array, faces: Array, places: Array) -> Array:
    """The key light's depth map (S,S); its frame goes into `places`."""
    key = np.array(KEY)
    right = np.cross([0.0, 1.0, 0.0], key)
    right /= np.linalg.norm(right)
    places[LIGHT : LIGHT + 3] = right, np.cross(right, key), -key
    seen = points @ places[LIGHT : LIGHT + 3].T
    low, high = seen[:, :2].min(axis=0), seen[:, :2].max(axis=0)
    scale = (SHADOW_MAP - 8) / (high - low).max()
    origin = low - 4 / scale
    places[LIGHT_MAP] = *origin, scale
    seen[:, :2] = (seen[:, :2] - origin) * scale
    return nearest(seen, faces, SHADOW_MAP, SHADOW_MAP)[0]
