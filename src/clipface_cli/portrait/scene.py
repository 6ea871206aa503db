"""The studio as kernels see it: tables of vertices and triangles, a texture, the key's view."""

import math
from typing import NamedTuple

import numpy as np

from clipface_cli.geometry.jit import constants, device
from clipface_cli.geometry.vectors import (
    Array,
    Vector,
    add,
    clip,
    cross,
    direction,
    dot,
    row,
    unit,
)

KEY, FILL = direction(-0.55, 0.50, 0.72), direction(0.75, 0.10, 0.60)
RIM, BACK_RIM = direction(0.75, 0.35, -0.60), direction(-0.85, 0.20, -0.45)

SHADOW_TAPS = 16
SHADOW_RADIUS = 0.0042  # metres
SHADOW_BIAS, SHADOW_SLOPE = 0.0022, 0.004  # metres: towards the key, and more at grazing angles
UNLIT = -0.45  # cosine to the key beyond which not even skin wraps light
TURN = 6.2832  # a full turn, radians
DITHER = (52.9829189, 0.06711056, 0.00583715)  # interleaved gradient noise (Jimenez 2014)

SKIN, LEFT_EYE, RIGHT_EYE, INTERIOR, CLOTH = 0, 1, 2, 3, 4  # materials

# Columns of `Scene.vertices`. SCREEN is pixel x, y and distance; SMOOTH the normal as red light
# sees it; TANGENT runs along the hair; REST is where the skin's grain is fixed; AO_RED to AO_BLUE
# are occlusion as skin shows it; BAKED is the light painted into the texture.
SCREEN, POSITION, NORMAL, SMOOTH, TANGENT, REST = constants(0, 3, 6, 9, 12, 15)
AO, AO_RED, BAKED, CAVITY, GLOSS, HAIR = constants(18, 19, 22, 25, 26, 27)
COLUMNS = 28

# Rows of `Scene.places`. LIGHT is three rows (right, down, away) of the key's frame, LIGHT_MAP its
# map's origin in metres and texels per metre; SKIN_TONE is the skin's brightness and redness, and
# the slope of its grain.
CAMERA, EYE, GAZE, LIGHT, LIGHT_MAP, SKIN_TONE = constants(0, 1, 3, 5, 8, 9)
PLACES = 10


class Scene(NamedTuple):
    """Tables that the shading kernels read: V vertices, F triangles, Vt UV vertices."""

    vertices: Array  # (V, COLUMNS)
    triangles: Array  # (F, 7) three vertices, three UV vertices, material
    uv: Array  # (Vt, 2)
    texture: Array  # (T, T, 5) linear RGB, height gradient in metres per UV unit
    light_depth: Array  # (S, S)
    places: Array  # (PLACES, 3)


class Point(NamedTuple):
    """One visible point."""

    triangle: int
    corners: tuple[int, int, int]
    weights: Vector
    uv: tuple[float, float]
    position: Vector
    normal: Vector
    toward: Vector  # unit, to the camera
    ao: float
    shadow: float  # lit share of the key


def _spiral(count: int) -> Array:
    """(N,2) points spread evenly over the unit disc."""
    i = np.arange(count) + 0.5
    angle = i * math.pi * (3 - math.sqrt(5))
    points = (np.sqrt(i / count) * np.stack([np.cos(angle), np.sin(angle)])).T
    return np.ascontiguousarray(points, np.float32)


_TAPS = _spiral(SHADOW_TAPS)


@device
def scalar(vertices: Array, column: int, corners: tuple[int, int, int], weights: Vector) -> float:
    """Interpolate one column of vertices (V, COLUMNS) in a triangle."""
    a, b, c = corners
    u, v, w = weights
    value: float = vertices[a, column] * u + vertices[b, column] * v + vertices[c, column] * w
    return value


@device
def vector(vertices: Array, column: int, corners: tuple[int, int, int], weights: Vector) -> Vector:
    """Interpolate three columns of vertices (V, COLUMNS), from `column` on, in a triangle."""
    return (
        scalar(vertices, column, corners, weights),
        scalar(vertices, column + 1, corners, weights),
        scalar(vertices, column + 2, corners, weights),
    )


@device
def column_at(point: Point, column: int, scene: Scene) -> float:
    """A column of the vertex table, interpolated at a point."""
    return scalar(scene.vertices, column, point.corners, point.weights)


@device
def direction_at(point: Point, column: int, scene: Scene) -> Vector:
    """Three columns from this one on, interpolated at a point and made of length 1."""
    return unit(vector(scene.vertices, column, point.corners, point.weights))


@device
def _seen_weights(vertices: Array, corners: tuple[int, int, int], x: float, y: float) -> Vector:
    """Perspective-correct barycentrics of pixel (x, y)."""
    a, b, c = corners
    ax, ay, bx = vertices[a, 0] - x, vertices[a, 1] - y, vertices[b, 0] - x
    by, cx, cy = vertices[b, 1] - y, vertices[c, 0] - x, vertices[c, 1] - y
    u = (bx * cy - cx * by) / vertices[a, 2]
    v = (cx * ay - ax * cy) / vertices[b, 2]
    w = (ax * by - bx * ay) / vertices[c, 2]
    total = 1 / (u + v + w)
    return u * total, v * total, w * total


@device
def _lit_share(position: Vector, normal: Vector, scene: Scene, turn: float) -> float:
    """Lit share of a disc around the point in the key's depth map (percentage closer)."""
    facing = dot(normal, KEY)
    if facing < UNLIT:
        return 0.0
    places, depth = scene.places, scene.light_depth
    scale = places[LIGHT_MAP, 2]
    x = (dot(row(places, LIGHT), position) - places[LIGHT_MAP, 0]) * scale
    y = (dot(row(places, LIGHT + 1), position) - places[LIGHT_MAP, 1]) * scale
    z = dot(row(places, LIGHT + 2), position) - SHADOW_BIAS - SHADOW_SLOPE * (1 - clip(facing))
    last = depth.shape[0] - 1
    cosine, sine = math.cos(turn) * SHADOW_RADIUS * scale, math.sin(turn) * SHADOW_RADIUS * scale
    lit = 0
    for tap in range(SHADOW_TAPS):
        dx, dy = _TAPS[tap, 0], _TAPS[tap, 1]
        column = min(max(int(x + dx * cosine - dy * sine), 0), last)
        line = min(max(int(y + dx * sine + dy * cosine), 0), last)
        lit += z < depth[line, column]
    return lit / SHADOW_TAPS


@device
def point_on(triangle: int, weights: Vector, turn: float, scene: Scene) -> Point:
    """The point at barycentric `weights`; `turn` rotates its shadow taps."""
    vertices, faces, uv = scene.vertices, scene.triangles, scene.uv
    corners = (faces[triangle, 0], faces[triangle, 1], faces[triangle, 2])
    i, j, k = faces[triangle, 3], faces[triangle, 4], faces[triangle, 5]
    p, q, r = weights
    u = uv[i, 0] * p + uv[j, 0] * q + uv[k, 0] * r
    v = uv[i, 1] * p + uv[j, 1] * q + uv[k, 1] * r
    position = vector(vertices, POSITION, corners, weights)
    normal = unit(vector(vertices, NORMAL, corners, weights))
    toward = unit(add(row(scene.places, CAMERA), position, -1.0))
    ao = clip(scalar(vertices, AO, corners, weights), 1e-4)
    shadow = _lit_share(position, normal, scene, turn)
    return Point(triangle, corners, weights, (u, v), position, normal, toward, ao, shadow)


@device
def point_seen(triangle: int, x: float, y: float, scene: Scene) -> Point:
    """The point of a triangle seen at pixel (x, y)."""
    faces = scene.triangles
    corners = (faces[triangle, 0], faces[triangle, 1], faces[triangle, 2])
    turn = TURN * ((DITHER[0] * ((DITHER[1] * x + DITHER[2] * y) % 1.0)) % 1.0)
    return point_on(triangle, _seen_weights(scene.vertices, corners, x, y), turn, scene)


@device
def texel(texture: Array, u: float, v: float) -> tuple[float, float, float, float, float]:
    """Bilinear sample of all channels of a texture (T, T, 5); its row 0 is v = 1."""
    size = texture.shape[0]
    x, y = clip(u * size - 0.5, 0.0, size - 1.001), clip((1 - v) * size - 0.5, 0.0, size - 1.001)
    i, j = int(y), int(x)
    fy, fx = y - i, x - j
    a, b, c, d = (1 - fx) * (1 - fy), fx * (1 - fy), (1 - fx) * fy, fx * fy
    p, q, r, s = texture[i, j], texture[i, j + 1], texture[i + 1, j], texture[i + 1, j + 1]
    return (
        p[0] * a + q[0] * b + r[0] * c + s[0] * d,
        p[1] * a + q[1] * b + r[1] * c + s[1] * d,
        p[2] * a + q[2] * b + r[2] * c + s[2] * d,
        p[3] * a + q[3] * b + r[3] * c + s[3] * d,
        p[4] * a + q[4] * b + r[4] * c + s[4] * d,
    )


@device
def uv_slopes(point: Point, scene: Scene) -> tuple[Vector, Vector]:
    """Surface gradients of u and v over the point's triangle, each a vector in 1/metre."""
    a, b, c = point.corners
    faces, uv, t = scene.triangles, scene.uv, point.triangle
    i, j, k = faces[t, 3], faces[t, 4], faces[t, 5]
    here = scene.vertices[:, POSITION : POSITION + 3]
    e1 = add(row(here, b), row(here, a), -1.0)
    e2 = add(row(here, c), row(here, a), -1.0)
    n = cross(e1, e2)
    area = dot(n, n) + 1e-24
    p, q = cross(e2, n), cross(n, e1)
    u1, u2 = (uv[j, 0] - uv[i, 0]) / area, (uv[k, 0] - uv[i, 0]) / area
    v1, v2 = (uv[j, 1] - uv[i, 1]) / area, (uv[k, 1] - uv[i, 1]) / area
    return (
        (p[0] * u1 + q[0] * u2, p[1] * u1 + q[1] * u2, p[2] * u1 + q[2] * u2),
        (p[0] * v1 + q[0] * v2, p[1] * v1 + q[1] * v2, p[2] * v1 + q[2] * v2),
    )
