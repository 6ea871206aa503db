"""A posed, textured head made ready for portraits: refined surface, occlusion, lashes, colours."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter

from clipface_cli.geometry import vertex_normals
from clipface_cli.geometry.neighbours import cavity
from clipface_cli.geometry.occlusion import ambient_occlusion
from clipface_cli.portrait._bust import bust_points
from clipface_cli.portrait._hair import raise_shell
from clipface_cli.portrait._lashes import lashes
from clipface_cli.portrait._shading import SKIN_OCCLUSION, hairy
from clipface_cli.portrait.curves import Curves
from clipface_cli.portrait.scene import (
    AO,
    AO_RED,
    BAKED,
    CAVITY,
    COLUMNS,
    GLOSS,
    HAIR,
    NORMAL,
    POSITION,
    REST,
    SMOOTH,
    TANGENT,
)
from clipface_cli.portrait.topology import Topology
from clipface_cli.portrait.tresses import cover_ears, hang

Float = NDArray[np.float32]
Texture = torch.Tensor | NDArray[np.uint8]

TEXELS = 1024  # smaller textures are enlarged to this
CREASE_DEPTH = 0.0004  # metres below its neighbours at which a vertex lies in a sharp crease
RELIEF = 0.0002  # metres of height per unit of log luminance
TEETH, TONGUE_TIP = 0.017, 0.040  # metres behind the lips
MOUTH_FADE = 0.013  # metres into the mouth over which light falls to a third
OPEN_MOUTH = 0.12  # share of the sky that the tongue's tip sees in an open mouth
MOUTH_LEAST, MOUTH_MORE = 0.04, 0.40  # share of light in the throat, and more at the teeth
SHORT_HAIR, LONG_HAIR = 0.6, 0.8  # share of both ears that hair covers
CROWN = (0.0, 0.11, -0.07)  # metres from between the eyes: where hair parts


@dataclass(frozen=True)
class PosedHead:
    """A head in its own space, ready to be seen from anywhere; V1 refined vertices."""

    topology: Topology
    vertices: Float  # (V1, COLUMNS) as in a Scene; all but SCREEN filled in
    texture: Float  # (T, T, 5) linear RGB, height gradient in metres per UV unit
    skin: Float  # (2,) brightness and redness
    eyes: Float  # (2, 3) centres
    gazes: Float  # (2, 3) unit axes
    lashes: Curves


@dataclass(frozen=True)
class PaintedHair:
    """Hair and skin in a texture: skin (2,) brightness and redness; where (V1,) hair is, 0..1.

    length: 1 where hair covers both ears, 0 where they are bare.
    """

    skin: Float
    where: Float
    length: float


def pose_head(fixed: Topology, vertices: torch.Tensor, texture: Texture) -> PosedHead:
    """Prepare vertices (V,3) and a texture, (3,R,R) in [-1,1] or (R,R,3) uint8."""
    rgb = linear_texture(texture, TEXELS)
    layers = np.concatenate([rgb, _height_gradient(rgb)], axis=2)
    painted = painted_hair(fixed, rgb)
    skin, long = painted.skin, painted.length
    points, eyes, gazes = _refine(fixed, vertices.detach().cpu().numpy())
    normals = vertex_normals(points, fixed.own_faces).astype(np.float32)
    colours = _texels(rgb, fixed.uv[fixed.vertex_uv])
    darkness = np.clip(np.log((skin[0] + 0.02) / (colours.sum(axis=1) + 0.02)) / 2, 0, 1)
    curves = lashes(fixed.lashes, points, normals, fixed.rest_normals, darkness)
    shirt = bust_points(fixed.bust, points, normals) if fixed.bust else np.zeros((0, 3))
    points, tresses = add_hair(fixed, points, painted)
    points = np.concatenate([points, shirt, tresses]).astype(np.float32)
    zone = _hair_zone(fixed, long)
    hair = np.concatenate([zone, np.zeros(len(shirt)), np.full(len(tresses), long)])
    table = _vertex_table(fixed, points)
    table[:, HAIR] = hair
    return PosedHead(fixed, table, layers, skin, eyes, gazes, curves)


def painted_hair(fixed: Topology, rgb: Float) -> PaintedHair:
    """Tell hair from skin in a texture (T,T,3) of linear light."""
    skin = _skin_colour(fixed, rgb)
    where = _sure(hairy(_texels(rgb, fixed.uv[fixed.vertex_uv]), skin))
    return PaintedHair(skin, where, _long_hair(fixed, where))


def add_hair(fixed: Topology, points: Float, painted: PaintedHair) -> tuple[Float, Float]:
    """The head's points (V1,3) with sunk ears and hair that stands off it, and tresses (K,3)."""
    points = cover_ears(fixed.tresses, points, painted.length)
    normals = vertex_normals(points, fixed.own_faces).astype(np.float32)
    shell = _hair_zone(fixed, painted.length) * painted.where
    if fixed.bust:
        shell = shell * fixed.bust.free
    points = raise_shell(points, normals, shell, fixed.blend)
    return points, hang(fixed.tresses, points, painted.length)


def _hair_zone(fixed: Topology, long: float) -> Float:
    """Where hair may stand off the head (V1,)."""
    return np.asarray(np.maximum(fixed.masks["scalp"], long * fixed.behind))


def _sure(hairiness: Float) -> Float:
    """Whether there is hair: 0 or 1 but for a narrow range, so that a tint moves no outline."""
    return np.asarray(np.clip((hairiness - 0.35) / 0.3, 0, 1), np.float32)


def _long_hair(fixed: Topology, dressed: Float) -> float:
    """1 where hair is painted over both ears, 0 where they are bare."""
    ears, left = fixed.tresses.ears, fixed.rest[fixed.tresses.ears, 0] > 0
    if not left.any() or left.all():
        return 0.0
    covered = min(dressed[ears[left]].mean(), dressed[ears[~left]].mean())
    return float(np.clip((covered - SHORT_HAIR) / (LONG_HAIR - SHORT_HAIR), 0, 1))


def _refine(fixed: Topology, vertices: NDArray[np.floating]) -> tuple[Float, Float, Float]:
    """Subdivided points (V1,3) with spherical eyes, eye centres (2,3) and gaze axes (2,3)."""
    vertices = vertices.astype(np.float64) - fixed.origin
    points = np.asarray(fixed.refine @ vertices)
    centres, gazes = np.zeros((2, 3), np.float32), np.zeros((2, 3), np.float32)
    gazes[:, 2] = 1
    for i, eye in enumerate(fixed.eyes):
        centre = _sphere_centre(vertices[eye.coarse])
        rays = points[eye.refined] - centre
        lengths = eye.radii @ np.linalg.norm(vertices[eye.coarse] - centre, axis=1)
        points[eye.refined] = centre + _unit(rays) * lengths[:, None]
        centres[i], gazes[i] = centre, _unit(points[eye.cornea] - centre)
    return points.astype(np.float32), centres, gazes


def _sphere_centre(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Centre of the sphere nearest to (N,3) points in the algebraic sense."""
    system = np.concatenate([2 * points, np.ones((len(points), 1))], axis=1)
    return np.linalg.lstsq(system, (points**2).sum(axis=1), rcond=None)[0][:3]


def _unit(vectors: NDArray[np.floating]) -> Float:
    length = np.linalg.norm(vectors, axis=-1, keepdims=True)
    return np.asarray(vectors / (length + 1e-12), np.float32)


def _hair_flow(points: Float, normals: Float) -> Float:
    """Tangents away from the crown."""
    away = points - np.array(CROWN, np.float32)
    return _unit(away - (away * normals).sum(axis=1, keepdims=True) * normals)


def _vertex_table(fixed: Topology, points: Float) -> Float:
    """Everything a Scene knows of the vertices (V1,COLUMNS) but their place on screen."""
    table = np.zeros((len(points), COLUMNS), np.float32)
    own = len(fixed.rest)
    normals = vertex_normals(points, fixed.faces).astype(np.float32)
    smooth = normals.copy()
    for _ in range(4):
        smooth[:own] = fixed.blend @ smooth[:own]
    ao = np.clip(ambient_occlusion(points, normals, fixed.occluders), 1e-4, 1)
    ao[:own] = np.maximum(ao[:own], _mouth_light(fixed, ao[:own]))
    table[:, POSITION : POSITION + 3] = points
    table[:, NORMAL : NORMAL + 3] = normals
    table[:, SMOOTH : SMOOTH + 3] = _unit(smooth)
    table[:, TANGENT : TANGENT + 3] = _hair_flow(points, normals)
    table[:, AO] = ao
    table[:, AO_RED : AO_RED + 3] = ao[:, None] ** np.array(SKIN_OCCLUSION, np.float32)
    table[:, BAKED : BAKED + 3] = 1
    skin = table[:own]
    skin[:, REST : REST + 3] = fixed.rest
    skin[:, BAKED : BAKED + 3] = fixed.baked
    skin[:, CAVITY] = cavity(points[:own], normals[:own], fixed.blend, CREASE_DEPTH)
    skin[:, GLOSS] = fixed.gloss
    return table


def _mouth_light(fixed: Topology, ao: Float) -> Float:
    """Share of the sky (V1,) that the inside of an open mouth shows at least.

    Light that wanders between wet surfaces reaches teeth and tongue, and fades toward the throat.
    The tongue's own occlusion tells how far the mouth is open.
    """
    inside = np.maximum.reduce(
        [fixed.masks[name] for name in ("mouth_interior", "teeth", "tongue")]
    )
    lips, tongue = fixed.masks["lips"] > 0.5, fixed.masks["tongue"] > 0.5
    if not (lips.any() and tongue.any()):
        return 0 * ao
    depth = fixed.rest[lips, 2].max() - fixed.rest[:, 2]
    opened = np.clip(ao[tongue & (depth < TONGUE_TIP)].mean() / OPEN_MOUTH, 0, 1)
    fade = np.exp(-np.clip(depth - TEETH, 0, None) / MOUTH_FADE)
    return np.asarray(inside * opened * (MOUTH_LEAST + MOUTH_MORE * fade), np.float32)


def linear_texture(texture: Texture, least: int = 0) -> Float:
    """(T,T,3) linear light, enlarged to at least `least` texels a side."""
    if isinstance(texture, torch.Tensor):
        image = texture.detach().cpu().float()[None] * 0.5 + 0.5
    else:
        image = torch.from_numpy(np.ascontiguousarray(texture)).permute(2, 0, 1)[None] / 255
    if image.shape[-1] < least:
        image = torch.nn.functional.interpolate(image, (least, least), mode="bicubic")
    srgb = image[0].permute(1, 2, 0).clamp(0, 1)
    linear = torch.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)
    return linear.contiguous().numpy()


def _height_gradient(rgb: Float) -> Float:
    """(T,T,2) gradient of a relief read from fine luminance, in metres per UV unit."""
    size = rgb.shape[0]
    light = np.log(rgb @ np.array([0.3, 0.55, 0.15], np.float32) + 0.02)
    relief = np.clip(light - gaussian_filter(light, size / 250), -0.5, 0.5) * (RELIEF * size)
    down, right = np.gradient(relief)
    return np.stack([right, -down], axis=2).astype(np.float32)


def _texels(rgb: Float, uv: Float) -> Float:
    """Nearest texels (N,3) at (N,2)."""
    low, right = rgb.shape[0] - 1, rgb.shape[1] - 1
    row, column = ((1 - uv[:, 1]) * low).astype(int), (uv[:, 0] * right).astype(int)
    return np.asarray(rgb[row.clip(0, low), column.clip(0, right)])


def _skin_colour(fixed: Topology, rgb: Float) -> Float:
    """Brightness (sum of channels) and redness of the bare face, to tell hair from scalp."""
    if not len(fixed.bare):
        return np.array([1.0, 0.4], np.float32)
    red, green, blue = np.median(_texels(rgb, fixed.uv[fixed.bare]), axis=0)
    total = red + green + blue
    return np.array([total, red / (total + 0.01)], np.float32)
