"""Skin, hair, eye and mouth shading of a portrait, one sample at a time.

Light arrives from a soft key, a fill and two rims fixed to the studio, and from a sky that is
blocked by ambient occlusion. Skin spreads light below its surface, red farthest: each channel has
its own wrap, its own mix of smoothed and bumped normals and its own occlusion exponent.
"""

import math
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.typing import NDArray

from clipface_cli.render._jit import device, kernel, prange

Array: TypeAlias = NDArray[Any]
Vector: TypeAlias = tuple[float, float, float]


def _unit(x: float, y: float, z: float) -> Vector:
    length = math.sqrt(x * x + y * y + z * z)
    return x / length, y / length, z / length


KEY, FILL = _unit(-0.55, 0.50, 0.72), _unit(0.75, 0.10, 0.60)
RIM, BACK_RIM = _unit(0.75, 0.35, -0.60), _unit(-0.85, 0.20, -0.45)
KEY_COLOUR = (2.35, 2.2325, 2.068)
FILL_COLOUR = (0.44, 0.495, 0.55)
RIM_COLOUR = (1.5, 1.455, 1.425)
SKY_COLOUR, GROUND_COLOUR = (0.211, 0.223, 0.248), (0.124, 0.093, 0.074)
EXPOSURE = 0.632

SKIN_WRAP = (0.42, 0.20, 0.14)
SKIN_SMOOTH = (0.75, 0.35, 0.20)  # share of the smoothed normal
SKIN_OCCLUSION = (0.72, 1.05, 1.12)
SKIN_SHADOW = (0.75, 0.97, 1.0)
HAIR_WRAP = 0.05
CLOTH_COLOUR = (0.026, 0.029, 0.034)
WALL = np.array([0.1169, 0.1070, 0.1022])  # studio backdrop, linear

CATCH_LIGHT, CATCH_FILL = _unit(-0.26, 0.24, 1.0), _unit(0.4, -0.1, 1.0)
CATCH_RIGHT, CATCH_UP = _unit(1.0, 0.0, 0.26), _unit(0.0624, 1.0676, -0.24)
GRAIN_FINE, GRAIN_COARSE = 0.00055, 0.0014  # metres
GRAIN = 0.075  # slope
EYE_RADIUS = 0.0155  # metres
CORNEA_DEPTH = 0.0016  # metres from the eye's surface to the iris
EYE_OCCLUSION = (1.15, 1.42, 1.48)
SHADOW_TAPS = 16
SHADOW_RADIUS = 0.0042  # metres

SKIN, LEFT_EYE, RIGHT_EYE, INTERIOR, CLOTH = 0, 1, 2, 3, 4
# columns of the vertex table; AO_RED and BAKED_RED are the first of three
AO, AO_RED, CAVITY, GLOSS, HAIR, BAKED_RED = 0, 1, 4, 5, 6, 7
COLUMNS = 10


class Scene(NamedTuple):
    """What `shade` reads; V vertices in studio space, F triangles."""

    faces: Array  # (F, 3)
    uv: Array  # (Vt, 2)
    uv_faces: Array  # (F, 3)
    material: Array  # (F,)
    screen: Array  # (V, 3) pixel x, y and distance
    positions: Array  # (V, 3)
    rest: Array  # (V, 3) where the skin's grain is fixed
    normals: Array  # (V, 3)
    smooth: Array  # (V, 3) normals as red light sees them
    tangents: Array  # (V, 3) along the hair
    table: Array  # (V, COLUMNS)
    texture: Array  # (T, T, 5) linear RGB, height gradient in metres per UV unit
    skin: Array  # (2,) brightness and redness of the face's skin
    eyes: Array  # (2, 3) eyeball centres
    gazes: Array  # (2, 3) unit axes
    camera: Array  # (3,)
    grain: float  # slope of the skin's grain, less where samples are too coarse for it
    light_frame: Array  # (3, 3) rows right, down, away, as the key sees them
    light_origin: Array  # (2,)
    light_scale: float  # texels per metre
    light_depth: Array  # (S, S)


class _Sample(NamedTuple):
    """Geometry of one visible point."""

    corners: tuple[int, int, int]
    weights: Vector
    position: Vector
    normal: Vector
    toward: Vector  # unit, to the camera
    uv: tuple[float, float]
    shadow: float


def _spiral(count: int) -> Array:
    """(N,2) points spread evenly over the unit disc."""
    i = np.arange(count) + 0.5
    angle = i * math.pi * (3 - math.sqrt(5))
    return (np.sqrt(i / count) * np.stack([np.cos(angle), np.sin(angle)])).T.copy()


_TAPS = _spiral(SHADOW_TAPS)
_LIT = np.stack([(np.arange(SHADOW_TAPS + 1) / SHADOW_TAPS) ** power for power in SKIN_SHADOW])


@device
def dot(a: Vector, b: Vector) -> float:
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@device
def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


@device
def _add(a: Vector, b: Vector, scale: float) -> Vector:
    return a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]


@device
def _normal(a: Vector) -> Vector:
    scale = 1 / math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + 1e-20)
    return a[0] * scale, a[1] * scale, a[2] * scale


@device
def clip(x: float, low: float = 0.0, high: float = 1.0) -> float:
    return min(max(x, low), high)


@device
def step(low: float, high: float, x: float) -> float:
    t = clip((x - low) / (high - low))
    return t * t * (3 - 2 * t)


@device
def _row(table: Array, i: int) -> Vector:
    return table[i, 0], table[i, 1], table[i, 2]


@device
def _vector(table: Array, corners: tuple[int, int, int], weights: Vector) -> Vector:
    """Interpolate the columns of a (V,3) table."""
    a, b, c = corners
    u, v, w = weights
    return (
        table[a, 0] * u + table[b, 0] * v + table[c, 0] * w,
        table[a, 1] * u + table[b, 1] * v + table[c, 1] * w,
        table[a, 2] * u + table[b, 2] * v + table[c, 2] * w,
    )


@device
def _scalar(table: Array, column: int, corners: tuple[int, int, int], weights: Vector) -> float:
    value = table[corners[0], column] * weights[0] + table[corners[1], column] * weights[1]
    return float(value + table[corners[2], column] * weights[2])


@device
def _weights(screen: Array, corners: tuple[int, int, int], x: float, y: float) -> Vector:
    """Perspective-correct barycentrics."""
    a, b, c = corners
    ax, ay, bx, by = screen[a, 0] - x, screen[a, 1] - y, screen[b, 0] - x, screen[b, 1] - y
    cx, cy = screen[c, 0] - x, screen[c, 1] - y
    u = (bx * cy - cx * by) / screen[a, 2]
    v = (cx * ay - ax * cy) / screen[b, 2]
    w = (ax * by - bx * ay) / screen[c, 2]
    total = 1 / (u + v + w)
    return u * total, v * total, w * total


@device
def _texel(texture: Array, u: float, v: float) -> tuple[float, float, float, float, float]:
    """Bilinear sample of all five channels; row 0 of the texture is v = 1."""
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
def _shadow(position: Vector, normal: Vector, scene: Scene, turn: float) -> float:
    """Lit share of a disc around the point in the key's depth map (percentage closer)."""
    frame, scale, depth = scene.light_frame, scene.light_scale, scene.light_depth
    slope = 1 - clip(dot(normal, KEY))
    x = (dot(_row(frame, 0), position) - scene.light_origin[0]) * scale
    y = (dot(_row(frame, 1), position) - scene.light_origin[1]) * scale
    z = dot(_row(frame, 2), position) - 0.0022 - 0.004 * slope
    last = depth.shape[0] - 1
    cosine, sine = math.cos(turn) * SHADOW_RADIUS * scale, math.sin(turn) * SHADOW_RADIUS * scale
    lit = 0
    for tap in range(SHADOW_TAPS):
        dx, dy = _TAPS[tap, 0], _TAPS[tap, 1]
        column = min(max(int(x + dx * cosine - dy * sine), 0), last)
        row = min(max(int(y + dx * sine + dy * cosine), 0), last)
        lit += z < depth[row, column]
    return lit / SHADOW_TAPS


@device
def _point(t: int, weights: Vector, turn: float, scene: Scene) -> _Sample:
    """The point of triangle t at barycentric `weights`; `turn` rotates its shadow taps."""
    corners = (scene.faces[t, 0], scene.faces[t, 1], scene.faces[t, 2])
    i, j, k = scene.uv_faces[t, 0], scene.uv_faces[t, 1], scene.uv_faces[t, 2]
    p, q, r = weights
    uv = scene.uv
    u = uv[i, 0] * p + uv[j, 0] * q + uv[k, 0] * r
    v = uv[i, 1] * p + uv[j, 1] * q + uv[k, 1] * r
    position = _vector(scene.positions, corners, weights)
    normal = _normal(_vector(scene.normals, corners, weights))
    camera = (scene.camera[0], scene.camera[1], scene.camera[2])
    toward = _normal(_add(camera, position, -1.0))
    shadow = _shadow(position, normal, scene, turn)
    return _Sample(corners, weights, position, normal, toward, (u, v), shadow)


@device
def _sample(t: int, x: float, y: float, scene: Scene) -> _Sample:
    """The point of triangle t seen at pixel (x, y)."""
    corners = (scene.faces[t, 0], scene.faces[t, 1], scene.faces[t, 2])
    turn = 6.2832 * ((52.9829189 * ((0.06711056 * x + 0.00583715 * y) % 1.0)) % 1.0)
    return _point(t, _weights(scene.screen, corners, x, y), turn, scene)


@device
def _lobe(normal: Vector, view: Vector, light: Vector, power: float) -> float:
    """Normalised Blinn-Phong lobe."""
    half = _normal(_add(light, view, 1.0))
    facing = clip(4 * dot(normal, light))
    if facing <= 0:
        return 0.0
    return clip(dot(normal, half)) ** power * (power + 8) / 25.13 * facing


@device
def strand_shine(
    tangent: Vector, normal: Vector, view: Vector, light: Vector, power: float
) -> float:
    """Kajiya-Kay highlight of hair running along `tangent`."""
    half = _normal(_add(light, view, 1.0))
    along = dot(tangent, half)
    return max(1 - along * along, 0.0) ** (power / 2) * clip(1.5 * dot(normal, light) + 0.2)


@device
def _wrapped(cosine: float, wrap: float) -> float:
    return clip((cosine + wrap) / (1 + wrap)) ** 1.15


@device
def _light(
    channel: int,
    skin: float,
    cosines: tuple[float, float, float, float],
    ao: float,
    at: _Sample,
    scene: Scene,
) -> float:
    """Light arriving in one channel; `skin` 1 spreads it as skin does, 0 is an opaque surface.

    `cosines` are of the smoothed and the bumped normal with the key, then with the fill.
    """
    mix = SKIN_SMOOTH[channel] * skin
    wrap = SKIN_WRAP[channel] * skin + HAIR_WRAP * (1 - skin)
    spread = _LIT[channel, int(at.shadow * SHADOW_TAPS + 0.5)] * skin + at.shadow * (1 - skin)
    hidden = _scalar(scene.table, AO_RED + channel, at.corners, at.weights) * skin + ao * (1 - skin)
    key = _wrapped(cosines[0] * mix + cosines[1] * (1 - mix), wrap) * KEY_COLOUR[channel] * spread
    fill = _wrapped(cosines[2] * mix + cosines[3] * (1 - mix), wrap) * FILL_COLOUR[channel]
    sky = SKY_COLOUR[channel] * (0.6 + 0.4 * at.normal[1])
    ground = GROUND_COLOUR[channel] * (0.5 - 0.5 * at.normal[1])
    rims = 0.55 * clip(dot(at.normal, RIM)) + 0.25 * clip(dot(at.normal, BACK_RIM))
    ambient = (sky + ground) * hidden + rims * ao * RIM_COLOUR[channel]
    return key + fill * math.sqrt(hidden) + ambient


@device
def _oil(at: _Sample, bumped: Vector, gloss: float, ao: float) -> float:
    """Two specular lobes of the skin's oil, and a faint sheen at the rim."""
    facing = clip(dot(bumped, at.toward), 1e-3)
    grazing = (1 - facing) * (1 - facing) * (1 - facing) * (1 - facing)
    fresnel = 0.028 + 0.35 * grazing * (1 - facing)
    power = 12 + 50 * gloss
    key = 1.17 * _lobe(bumped, at.toward, KEY, power) + 1.29 * _lobe(
        bumped, at.toward, KEY, power * 3.2
    )
    lobes = key * at.shadow + 0.5 * _lobe(bumped, at.toward, FILL, power * 0.7)
    sheen = grazing * 0.05 * ao * clip(dot(at.normal, RIM) + 0.2)
    return lobes * gloss * ao * fresnel * 1.6 + sheen


@device
def _hair_shine(at: _Sample, tangent: Vector, ao: float) -> float:
    first = _normal(_add(tangent, at.normal, -0.12))
    second = _normal(_add(tangent, at.normal, 0.10))
    key = 0.07 * strand_shine(first, at.normal, at.toward, KEY, 60.0)
    key += 0.04 * strand_shine(second, at.normal, at.toward, KEY, 18.0)
    rim = 0.10 * strand_shine(tangent, at.normal, at.toward, RIM, 30.0)
    fill = 0.025 * strand_shine(tangent, at.normal, at.toward, FILL, 30.0)
    return (key * at.shadow + rim + fill) * ao * 0.9


@device
def _uv_frame(t: int, at: _Sample, scene: Scene) -> tuple[Vector, Vector]:
    """Surface gradients of u and v over a triangle, each a vector in 1/metre."""
    a, b, c = at.corners
    i, j, k = scene.uv_faces[t, 0], scene.uv_faces[t, 1], scene.uv_faces[t, 2]
    origin = _row(scene.positions, a)
    e1 = _add(_row(scene.positions, b), origin, -1.0)
    e2 = _add(_row(scene.positions, c), origin, -1.0)
    n = _cross(e1, e2)
    area = dot(n, n) + 1e-24
    p, q = _cross(e2, n), _cross(n, e1)
    uv = scene.uv
    u1, u2 = (uv[j, 0] - uv[i, 0]) / area, (uv[k, 0] - uv[i, 0]) / area
    v1, v2 = (uv[j, 1] - uv[i, 1]) / area, (uv[k, 1] - uv[i, 1]) / area
    return (
        (p[0] * u1 + q[0] * u2, p[1] * u1 + q[1] * u2, p[2] * u1 + q[2] * u2),
        (p[0] * v1 + q[0] * v2, p[1] * v1 + q[1] * v2, p[2] * v1 + q[2] * v2),
    )


@device
def _bump(normal: Vector, du: float, dv: float, frame: tuple[Vector, Vector]) -> Vector:
    """Tilt the normal against the slope of a height map with gradient (du, dv) in UV."""
    along_u, along_v = frame
    slope = (
        du * along_u[0] + dv * along_v[0],
        du * along_u[1] + dv * along_v[1],
        du * along_u[2] + dv * along_v[2],
    )
    steep = math.sqrt(dot(slope, slope))
    return _normal(_add(normal, slope, -min(1.0, 0.5 / (steep + 1e-9))))


@device
def _hash(i: int, j: int, k: int) -> float:
    """Pseudo-random number in [-1, 1] of a lattice point."""
    n = (i * 374761393 + j * 668265263 + k * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1103515245) & 0xFFFFFFFF
    n = ((n ^ (n >> 15)) * 2246822519) & 0xFFFFFFFF
    return ((n >> 8) & 0xFFFF) / 32767.5 - 1


@device
def _grain(p: Vector, size: float) -> Vector:
    """Three smooth noises in [-1, 1] that change over `size` metres."""
    x, y, z = p[0] / size, p[1] / size, p[2] / size
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = x - i, y - j, z - k
    x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
    a, b, c = 0.0, 0.0, 0.0
    for corner in range(8):
        dx, dy, dz = corner & 1, (corner >> 1) & 1, corner >> 2
        share = (x if dx else 1 - x) * (y if dy else 1 - y) * (z if dz else 1 - z)
        a += share * _hash(i + dx, j + dy, k + dz)
        b += share * _hash(i + dx, j + dy, k + dz + 1013)
        c += share * _hash(i + dx, j + dy + 2027, k + dz)
    return a, b, c


@device
def hairiness(red: float, green: float, blue: float, skin: Array) -> float:
    """How far a scalp colour is from the face's skin: 0 bare, 1 hair."""
    total = red + green + blue
    darker = abs(math.log((total + 0.03) / (skin[0] + 0.03)))
    paler = abs(red / (total + 0.01) - skin[1])
    return step(0.25, 0.6, darker + 3 * paler)


@device
def _matt(red: float, green: float, blue: float, skin: Array) -> float:
    """1 where a colour is so much darker than the skin that it is hair or paint, but not blood."""
    total = red + green + blue
    dark = step(0.5, 1.2, math.log((skin[0] + 0.02) / (total + 0.02)))
    return dark * (1 - step(0.10, 0.20, red / (total + 0.01) - skin[1]))


@kernel
def hairy(colours: Array, skin: Array) -> Array:
    """`hairiness` of linear colours (N,3)."""
    result = np.empty(len(colours), np.float32)
    for n in prange(len(colours)):
        result[n] = hairiness(colours[n, 0], colours[n, 1], colours[n, 2], skin)
    return result


@device
def _mirror(normal: Vector, view: Vector) -> Vector:
    facing = 2 * dot(normal, view)
    return facing * normal[0] - view[0], facing * normal[1] - view[1], facing * normal[2] - view[2]


@device
def _painted_spot(off_axis: float, height: float) -> float:
    """1 where a texture may carry a catch light of its own, just above the pupil."""
    aside = math.sqrt(max(1 - off_axis * off_axis - height * height, 0.0))
    return step(0.08, 0.12, height) * step(0.26, 0.21, height) * step(0.16, 0.10, aside)


@device
def _softbox(mirror: Vector) -> float:
    """The key's reflection: an upright window with soft edges."""
    aside, above = dot(mirror, CATCH_RIGHT), dot(mirror, CATCH_UP)
    window = step(0.100, 0.065, abs(aside)) * step(0.125, 0.085, abs(above))
    return window if dot(mirror, CATCH_LIGHT) > 0 else 0.0


@device
def _eye(t: int, at: _Sample, scene: Scene) -> Vector:
    """Eyeball: texture seen through the cornea, under the lids' shade, with catch lights."""
    which = scene.material[t] - LEFT_EYE
    centre, gaze = _row(scene.eyes, which), _row(scene.gazes, which)
    sphere = _normal(_add(at.position, centre, -1.0))
    ao = clip(1.15 * _scalar(scene.table, AO, at.corners, at.weights))
    off_axis = dot(sphere, gaze)
    iris = step(0.88, 0.93, off_axis)
    aside = _add(at.toward, sphere, -dot(at.toward, sphere))
    along_u, along_v = _uv_frame(t, at, scene)
    shift = -CORNEA_DEPTH * iris
    u = at.uv[0] + shift * dot(along_u, aside)
    v = at.uv[1] + shift * dot(along_v, aside)
    red, green, blue, _, _ = _texel(scene.texture, u, v)
    up = _add((0.0, 1.0, 0.0), gaze, -gaze[1])
    height = dot(sphere, up)
    spot = _painted_spot(off_axis, height)
    if spot > 0:
        drop = -2 * height * EYE_RADIUS
        below = _texel(scene.texture, u + drop * dot(along_u, up), v + drop * dot(along_v, up))
        red += (below[0] - red) * spot
        green += (below[1] - green) * spot
        blue += (below[2] - blue) * spot
    cupped = _add(sphere, gaze, -off_axis)
    key = clip(0.6 * dot(sphere, KEY) + 0.4 - 1.1 * iris * dot(cupped, KEY))
    key *= 0.36 * (0.35 + 0.65 * at.shadow)
    mirror = _mirror(_normal(_add(sphere, gaze, 0.25 * iris)), at.toward)
    catch = 0.85 * _softbox(mirror) + 0.10 * step(0.988, 0.994, dot(mirror, CATCH_FILL))
    catch = catch * clip(1.6 * ao - 0.25) + 0.003 * ao
    return (
        red * (key * KEY_COLOUR[0] + 0.42) * EXPOSURE * ao ** EYE_OCCLUSION[0] + catch,
        green * (key * KEY_COLOUR[1] + 0.42) * EXPOSURE * ao ** EYE_OCCLUSION[1] + catch,
        blue * (key * KEY_COLOUR[2] + 0.42) * EXPOSURE * ao ** EYE_OCCLUSION[2] + catch,
    )


@device
def _surface(t: int, at: _Sample, scene: Scene) -> Vector:
    """Skin, hair and the inside of the mouth."""
    table, corners, weights = scene.table, at.corners, at.weights
    red, green, blue, du, dv = _texel(scene.texture, at.uv[0], at.uv[1])
    red /= _scalar(table, BAKED_RED, corners, weights)
    green /= _scalar(table, BAKED_RED + 1, corners, weights)
    blue /= _scalar(table, BAKED_RED + 2, corners, weights)
    bumped = _bump(at.normal, du, dv, _uv_frame(t, at, scene))
    soft = _normal(_vector(scene.smooth, corners, weights))
    ao = clip(_scalar(table, AO, corners, weights), 1e-4)
    hair = _scalar(table, HAIR, corners, weights)
    if hair > 0.0:
        hair *= hairiness(red, green, blue, scene.skin)
    if scene.grain > 0 and hair < 0.9:
        rest = _vector(scene.rest, corners, weights)
        bumped = _add(bumped, _grain(rest, GRAIN_FINE), scene.grain * (1 - hair))
        bumped = _normal(_add(bumped, _grain(rest, GRAIN_COARSE), 0.7 * scene.grain * (1 - hair)))
    gloss = _scalar(table, GLOSS, corners, weights) * (1 - hair) + 0.30 * hair
    if scene.material[t] == SKIN:
        gloss *= 1 - 0.75 * _matt(red, green, blue, scene.skin)
    shine = _oil(at, bumped, gloss, ao) * (1 - 0.85 * hair)
    brightest = max(red, green, blue, 1e-4)
    strand = 0.0
    if hair > 0.01:
        tangent = _normal(_vector(scene.tangents, corners, weights))
        strand = hair * _hair_shine(at, tangent, ao) * clip(0.40 + 2.2 * brightest)
    inside = scene.material[t] == INTERIOR
    skin = 0.5 if inside else 1 - hair
    tone = EXPOSURE * (1 - 0.30 * clip(_scalar(table, CAVITY, corners, weights), 0.0, 1.2))
    if inside:
        tone *= math.sqrt(ao)
    cosines = (dot(soft, KEY), dot(bumped, KEY), dot(soft, FILL), dot(bumped, FILL))
    return (
        red * tone * _light(0, skin, cosines, ao, at, scene)
        + shine
        + strand * (0.30 + 0.70 * red / brightest),
        green * tone * _light(1, skin, cosines, ao, at, scene)
        + shine
        + strand * (0.30 + 0.70 * green / brightest),
        blue * tone * _light(2, skin, cosines, ao, at, scene)
        + shine
        + strand * (0.30 + 0.70 * blue / brightest),
    )


@device
def _cloth(at: _Sample, scene: Scene) -> Vector:
    """Matt fabric with a fine weave."""
    ao = clip(_scalar(scene.table, AO, at.corners, at.weights), 1e-4)
    key, fill = dot(at.normal, KEY), dot(at.normal, FILL)
    cosines = (key, key, fill, fill)
    facing = clip(dot(at.normal, at.toward))
    fuzz = EXPOSURE * (1 + 0.8 * (1 - facing) * (1 - facing))
    return (
        CLOTH_COLOUR[0] * fuzz * _light(0, 0.0, cosines, ao, at, scene),
        CLOTH_COLOUR[1] * fuzz * _light(1, 0.0, cosines, ao, at, scene),
        CLOTH_COLOUR[2] * fuzz * _light(2, 0.0, cosines, ao, at, scene),
    )


@kernel
def shade(ids: Array, scene: Scene, image: Array) -> None:
    """Write linear light into `image` (H,W,3) where `ids` (H,W) names a triangle (not -1)."""
    for row in prange(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            at = _sample(t, column + 0.5, row + 0.5, scene)
            if scene.material[t] == LEFT_EYE or scene.material[t] == RIGHT_EYE:
                colour = _eye(t, at, scene)
            elif scene.material[t] == CLOTH:
                colour = _cloth(at, scene)
            else:
                colour = _surface(t, at, scene)
            image[row, column, 0] = colour[0]
            image[row, column, 1] = colour[1]
            image[row, column, 2] = colour[2]


@kernel
def shade_roots(
    triangles: Array, weights: Array, tones: Array, scene: Scene, colours: Array, hair: Array
) -> None:
    """Linear colour (N,3) of strands rooted at points of triangles, and how much hair is there."""
    for n in prange(len(triangles)):
        at = _point(triangles[n], _row(weights, n), 0.0, scene)
        red, green, blue, _, _ = _texel(scene.texture, at.uv[0], at.uv[1])
        scalp = _scalar(scene.table, HAIR, at.corners, at.weights)
        hair[n] = scalp * hairiness(red, green, blue, scene.skin)
        ao = clip(_scalar(scene.table, AO, at.corners, at.weights), 1e-4)
        tangent = _normal(_vector(scene.tangents, at.corners, at.weights))
        brightest = max(red, green, blue, 1e-4)
        strand = _hair_shine(at, tangent, ao) * clip(0.40 + 2.2 * brightest)
        key, fill = dot(at.normal, KEY), dot(at.normal, FILL)
        cosines = (key, key, fill, fill)
        for channel in range(3):
            albedo = red if channel == 0 else (green if channel == 1 else blue)
            light = EXPOSURE * _light(channel, 0.0, cosines, ao, at, scene)
            shine = strand * (0.30 + 0.70 * albedo / brightest)
            colours[n, channel] = tones[n] * (albedo * light + shine)


@kernel
def paint_wall(image: Array, colour: Array, falloff: float) -> None:
    """Fill (H,W,3) with a backdrop that darkens from left of the centre by `falloff`."""
    height, width = image.shape[0], image.shape[1]
    for row in prange(height):
        y = (row + 0.5) / height - 0.45
        for column in range(width):
            x = (column + 0.5) / width - 0.42
            light = 1 + falloff * (0.25 - 1.1 * math.sqrt(x * x + y * y))
            for channel in range(3):
                image[row, column, channel] = max(colour[channel] * light, 0.0)


def _film(steps: int) -> Array:
    """Display value 0..255 of linear light (i / steps)^2 * 8: filmic shoulder, then sRGB."""
    x = 8 * (np.arange(steps + 1) / steps) ** 2 * 0.92
    x = np.minimum(x * (1 + 0.10 * x) / (1 + 0.42 * x) * 1.12, 1.0)
    srgb = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(255 * srgb, np.float32)


_FILM = _film(8192)


@kernel
def resolve(image: Array, out: Array) -> None:
    """Develop linear light (2H,2W,3) into sRGB uint8 (H,W,3), averaging 2x2."""
    last = len(_FILM) - 1
    for row in prange(out.shape[0]):
        for column in range(out.shape[1]):
            for channel in range(3):
                total = 0.5
                for dy in range(2):
                    for dx in range(2):
                        x = clip(image[2 * row + dy, 2 * column + dx, channel], 0.0, 8.0)
                        total += 0.25 * _FILM[int(math.sqrt(x / 8) * last + 0.5)]
                out[row, column, channel] = int(total)


def film_inverse(colour: tuple[int, int, int]) -> Array:
    """Linear light (3,) that `resolve` develops into an sRGB colour."""
    light = 8 * (np.arange(len(_FILM)) / (len(_FILM) - 1)) ** 2
    return np.interp(colour, _FILM, light)
