"""Skin, hair, eyes, mouth and cloth under a three-point light, one sample at a time.

Light arrives from a soft key, a fill and two rims fixed to the studio, and from a sky that is
blocked by ambient occlusion. Skin spreads light below its surface, red farthest: each channel has
its own wrap, its own mix of smoothed and bumped normals and its own occlusion exponent.
"""

import math
from typing import Any

import numpy as np

from clipface_cli.geometry.jit import constants, device, kernel, parallel
from clipface_cli.geometry.vectors import Array, Vector, add, clip, direction, dot, row, step, unit
from clipface_cli.portrait.scene import (
    AO_RED,
    BACK_RIM,
    BAKED,
    CAVITY,
    CLOTH,
    EYE,
    FILL,
    GAZE,
    GLOSS,
    HAIR,
    INTERIOR,
    KEY,
    LEFT_EYE,
    REST,
    RIGHT_EYE,
    RIM,
    SHADOW_TAPS,
    SKIN,
    SKIN_TONE,
    SMOOTH,
    TANGENT,
    Point,
    Scene,
    column_at,
    direction_at,
    point_on,
    point_seen,
    texel,
    uv_slopes,
    vector,
)

KEY_COLOUR = (2.35, 2.2325, 2.068)
FILL_COLOUR = (0.44, 0.495, 0.55)
RIM_COLOUR = (1.5, 1.455, 1.425)
SKY_COLOUR, GROUND_COLOUR = (0.211, 0.223, 0.248), (0.124, 0.093, 0.074)
EXPOSURE = 0.632

SKIN_WRAP = (0.42, 0.20, 0.14)
SKIN_SMOOTH = (0.75, 0.35, 0.20)  # share of the smoothed normal
SKIN_OCCLUSION = (0.72, 1.05, 1.12)
SKIN_SHADOW = (0.75, 0.97, 1.0)
DULL_WRAP = 0.05
GRAIN_FINE, GRAIN_COARSE = 0.00055, 0.0014  # metres
GRAIN = 0.075  # slope
CLOTH_COLOUR = (0.026, 0.029, 0.034)

RIM_SHARE, BACK_RIM_SHARE = 0.55, 0.25  # of the rims' light

# Oil on skin: reflectance, a lobe's exponent (12, and 50 more on glossy skin), and their weights.
FRESNEL_FACING, FRESNEL_GRAZING = 0.028, 0.35
OIL_POWER, OIL_POWER_GLOSS, OIL_SHARP, OIL_FILL_POWER = 12, 50, 3.2, 0.7
OIL_BROAD_SHARE, OIL_SHARP_SHARE, OIL_FILL_SHARE, OIL_GAIN = 1.17, 1.29, 0.5, 1.6
SHEEN, SHEEN_WRAP = 0.05, 0.2

# Hair (Kajiya-Kay): two highlights of the key, shifted to the root and the tip, rim and fill.
ROOT_SHIFT, TIP_SHIFT = -0.12, 0.10
ROOT_POWER, TIP_POWER, RIM_POWER, FILL_POWER = 60.0, 18.0, 30.0, 30.0
ROOT_SHINE, TIP_SHINE, RIM_SHINE, FILL_SHINE, HAIR_SHINE = 0.07, 0.04, 0.10, 0.025, 0.9
WHITE_SHINE, OWN_SHINE = 0.30, 0.70  # shares of the light's and of the hair's own colour

# The iris begins and ends at these cosines off the gaze; it is lit from within, against the key.
IRIS_OUTER, IRIS_INNER = 0.88, 0.93
EYE_WRAP, EYE_LIT, IRIS_CUP, EYE_KEY = 0.4, 0.6, 1.1, 0.36
EYE_SHADOW, EYE_SKY, CORNEA_BULGE = 0.35, 0.42, 0.25

CATCH_LIGHT, CATCH_FILL = direction(-0.26, 0.24, 1.0), direction(0.4, -0.1, 1.0)
CATCH_RIGHT, CATCH_UP = direction(1.0, 0.0, 0.26), direction(0.0624, 1.0676, -0.24)
EYE_RADIUS = 0.0155  # metres
CORNEA_DEPTH = 0.0016  # metres from the eye's surface to the iris
EYE_OCCLUSION = (1.15, 1.42, 1.48)

_RED, _GREEN, _BLUE = constants(0, 1, 2)
_LIT = np.stack([(np.arange(SHADOW_TAPS + 1) / SHADOW_TAPS) ** power for power in SKIN_SHADOW])


@device
def _wrapped(cosine: float, wrap: float) -> float:
    x = clip((cosine + wrap) / (1 + wrap))
    return x * math.sqrt(math.sqrt(math.sqrt(x)))


@device
def _channel(
    channel: int, skin: float, smooth: Vector, bumped: Vector, point: Point, scene: Scene
) -> float:
    mix = SKIN_SMOOTH[channel] * skin
    wrap = SKIN_WRAP[channel] * skin + DULL_WRAP * (1 - skin)
    lit = _LIT[channel, int(point.shadow * SHADOW_TAPS + 0.5)] * skin + point.shadow * (1 - skin)
    hidden = column_at(point, AO_RED + channel, scene) * skin + point.ao * (1 - skin)
    key = _wrapped(dot(smooth, KEY) * mix + dot(bumped, KEY) * (1 - mix), wrap)
    fill = _wrapped(dot(smooth, FILL) * mix + dot(bumped, FILL) * (1 - mix), wrap)
    sky = SKY_COLOUR[channel] * (0.6 + 0.4 * point.normal[1])
    ground = GROUND_COLOUR[channel] * (0.5 - 0.5 * point.normal[1])
    rims = RIM_SHARE * clip(dot(point.normal, RIM))
    rims += BACK_RIM_SHARE * clip(dot(point.normal, BACK_RIM))
    direct = key * KEY_COLOUR[channel] * lit + fill * FILL_COLOUR[channel] * math.sqrt(hidden)
    return EXPOSURE * (direct + (sky + ground) * hidden + rims * point.ao * RIM_COLOUR[channel])


@device
def _light(skin: float, smooth: Vector, bumped: Vector, point: Point, scene: Scene) -> Vector:
    """Light that a surface sends back; `skin` 1 spreads it as skin does, 0 is opaque."""
    return (
        _channel(_RED, skin, smooth, bumped, point, scene),
        _channel(_GREEN, skin, smooth, bumped, point, scene),
        _channel(_BLUE, skin, smooth, bumped, point, scene),
    )


@device
def _lobe(normal: Vector, toward: Vector, light: Vector, power: float) -> float:
    """Normalised Blinn-Phong lobe."""
    facing = clip(4 * dot(normal, light))
    if facing <= 0:
        return 0.0
    exponent = power * math.log(max(dot(normal, unit(add(light, toward, 1.0))), 1e-9))
    if exponent < -12:
        return 0.0
    return math.exp(exponent) * (power + 8) / (8 * math.pi) * facing


@device
def _oil(point: Point, bumped: Vector, gloss: float) -> float:
    """Two specular lobes of the skin's oil, and a faint sheen at the rim."""
    toward = point.toward
    away = 1 - clip(dot(bumped, toward), 1e-3)
    grazing = away * away * away * away
    fresnel = FRESNEL_FACING + FRESNEL_GRAZING * grazing * away
    power = OIL_POWER + OIL_POWER_GLOSS * gloss
    broad = _lobe(bumped, toward, KEY, power)
    sharp = _lobe(bumped, toward, KEY, power * OIL_SHARP)
    lobes = (OIL_BROAD_SHARE * broad + OIL_SHARP_SHARE * sharp) * point.shadow
    lobes += OIL_FILL_SHARE * _lobe(bumped, toward, FILL, power * OIL_FILL_POWER)
    sheen = grazing * SHEEN * clip(dot(point.normal, RIM) + SHEEN_WRAP)
    return (lobes * gloss * fresnel * OIL_GAIN + sheen) * point.ao


@device
def _strand(tangent: Vector, point: Point, light: Vector, power: float) -> float:
    """Kajiya-Kay highlight of hair running along `tangent`."""
    along = dot(tangent, unit(add(light, point.toward, 1.0)))
    facing = clip(1.5 * dot(point.normal, light) + 0.2)
    return max(1 - along * along, 0.0) ** (power / 2) * facing


@device
def _hair_shine(point: Point, tangent: Vector) -> float:
    first = unit(add(tangent, point.normal, ROOT_SHIFT))
    second = unit(add(tangent, point.normal, TIP_SHIFT))
    key = ROOT_SHINE * _strand(first, point, KEY, ROOT_POWER)
    key += TIP_SHINE * _strand(second, point, KEY, TIP_POWER)
    rim = RIM_SHINE * _strand(tangent, point, RIM, RIM_POWER)
    fill = FILL_SHINE * _strand(tangent, point, FILL, FILL_POWER)
    return (key * point.shadow + rim + fill) * point.ao * HAIR_SHINE


@device
def _tinted(shine: float, colour: Vector) -> Vector:
    """A hair highlight: mostly of the hair's own colour, weak on dark hair."""
    brightest = max(colour[0], colour[1], colour[2], 1e-4)
    shine *= clip(0.40 + 2.2 * brightest)
    tint = OWN_SHINE / brightest * shine
    return (
        WHITE_SHINE * shine + tint * colour[0],
        WHITE_SHINE * shine + tint * colour[1],
        WHITE_SHINE * shine + tint * colour[2],
    )


@device
def _bump(normal: Vector, du: float, dv: float, slopes: tuple[Vector, Vector]) -> Vector:
    """Tilt the normal against the slope of a height map with gradient (du, dv) in UV."""
    u, v = slopes
    slope = (du * u[0] + dv * v[0], du * u[1] + dv * v[1], du * u[2] + dv * v[2])
    steep = math.sqrt(dot(slope, slope))
    return unit(add(normal, slope, -min(1.0, 0.5 / (steep + 1e-9))))


@device
def _hash(i: int, j: int, k: int) -> int:
    """Pseudo-random 32 bits of a lattice point."""
    n = (i * 374761393 + j * 668265263 + k * 1274126177) & 0xFFFFFFFF
    n = ((n ^ (n >> 13)) * 1103515245) & 0xFFFFFFFF
    n = ((n ^ (n >> 15)) * 2246822519) & 0xFFFFFFFF
    return n ^ (n >> 16)


@device
def _noise(p: Vector, size: float) -> Vector:
    """Three smooth noises in [-1, 1] that change over `size` metres."""
    x, y, z = p[0] / size, p[1] / size, p[2] / size
    i, j, k = math.floor(x), math.floor(y), math.floor(z)
    x, y, z = x - i, y - j, z - k
    x, y, z = x * x * (3 - 2 * x), y * y * (3 - 2 * y), z * z * (3 - 2 * z)
    a, b, c = -1.0, -1.0, -1.0
    for corner in range(8):
        dx, dy, dz = corner & 1, (corner >> 1) & 1, corner >> 2
        share = (x if dx else 1 - x) * (y if dy else 1 - y) * (z if dz else 1 - z) / 511.5
        bits = _hash(i + dx, j + dy, k + dz)
        a += share * (bits & 1023)
        b += share * ((bits >> 10) & 1023)
        c += share * ((bits >> 20) & 1023)
    return a, b, c


@device
def _grainy(normal: Vector, amount: float, point: Point, scene: Scene) -> Vector:
    """Roughen a normal with the skin's grain, which is fixed to the template."""
    rest = vector(scene.vertices, REST, point.corners, point.weights)
    normal = add(normal, _noise(rest, GRAIN_FINE), amount)
    return unit(add(normal, _noise(rest, GRAIN_COARSE), 0.7 * amount))


@device
def hairiness(red: float, green: float, blue: float, skin: Array) -> float:
    """How far a scalp colour is from the skin (brightness, redness): 0 bare, 1 hair.

    Darker tells more than lighter: a bald head in full light is lighter than its face.
    """
    total = red + green + blue
    lighter = math.log((total + 0.03) / (skin[0] + 0.03))
    paler = abs(red / (total + 0.01) - skin[1])
    return step(0.25, 0.6, max(-lighter, 0.7 * lighter) + 3 * paler)


@device
def _matt(colour: Vector, skin: Array) -> float:
    """1 where a colour is so much darker than the skin that it is hair or paint, but not blood."""
    total = colour[0] + colour[1] + colour[2]
    dark = step(0.5, 1.2, math.log((skin[0] + 0.02) / (total + 0.02)))
    return dark * (1 - step(0.10, 0.20, colour[0] / (total + 0.01) - skin[1]))


@device
def _painted_spot(off_axis: float, height: float) -> float:
    """1 where a texture may carry a catch light of its own, just above the pupil."""
    aside = math.sqrt(max(1 - off_axis * off_axis - height * height, 0.0))
    return step(0.08, 0.12, height) * step(0.26, 0.21, height) * step(0.16, 0.10, aside)


@device
def _iris(point: Point, sphere: Vector, gaze: Vector, iris: float, scene: Scene) -> Vector:
    """Texture of the eyeball: iris sunk below the cornea, painted catch light taken out."""
    aside = add(point.toward, sphere, -dot(point.toward, sphere))
    along_u, along_v = uv_slopes(point, scene)
    shift = -CORNEA_DEPTH * iris
    u = point.uv[0] + shift * dot(along_u, aside)
    v = point.uv[1] + shift * dot(along_v, aside)
    red, green, blue, _, _ = texel(scene.texture, u, v)
    up = add((0.0, 1.0, 0.0), gaze, -gaze[1])
    height = dot(sphere, up)
    spot = _painted_spot(dot(sphere, gaze), height)
    if spot > 0:
        drop = -2 * height * EYE_RADIUS
        below = texel(scene.texture, u + drop * dot(along_u, up), v + drop * dot(along_v, up))
        red += (below[0] - red) * spot
        green += (below[1] - green) * spot
        blue += (below[2] - blue) * spot
    return red, green, blue


@device
def _catch(normal: Vector, toward: Vector) -> float:
    """Reflections in the cornea: the key as an upright window, the fill as a faint spot."""
    facing = 2 * dot(normal, toward)
    mirror = add((facing * normal[0], facing * normal[1], facing * normal[2]), toward, -1.0)
    aside, above = abs(dot(mirror, CATCH_RIGHT)), abs(dot(mirror, CATCH_UP))
    window = step(0.100, 0.065, aside) * step(0.125, 0.085, above)
    if dot(mirror, CATCH_LIGHT) < 0:
        window = 0.0
    return 0.85 * window + 0.10 * step(0.988, 0.994, dot(mirror, CATCH_FILL))


@device
def _eye(point: Point, scene: Scene) -> Vector:
    """Eyeball under the lids' shade; the iris is lit from within, against the key."""
    which = scene.triangles[point.triangle, 6] - LEFT_EYE
    gaze = row(scene.places, GAZE + which)
    sphere = unit(add(point.position, row(scene.places, EYE + which), -1.0))
    ao = clip(1.15 * point.ao)
    off_axis = dot(sphere, gaze)
    iris = step(IRIS_OUTER, IRIS_INNER, off_axis)
    red, green, blue = _iris(point, sphere, gaze, iris, scene)
    cupped = add(sphere, gaze, -off_axis)
    key = clip(EYE_LIT * dot(sphere, KEY) + EYE_WRAP - IRIS_CUP * iris * dot(cupped, KEY))
    key *= EYE_KEY * (EYE_SHADOW + (1 - EYE_SHADOW) * point.shadow)
    shine = _catch(unit(add(sphere, gaze, CORNEA_BULGE * iris)), point.toward)
    shine = shine * clip(1.6 * ao - 0.25) + 0.003 * ao
    return (
        red * (key * KEY_COLOUR[0] + EYE_SKY) * EXPOSURE * ao ** EYE_OCCLUSION[0] + shine,
        green * (key * KEY_COLOUR[1] + EYE_SKY) * EXPOSURE * ao ** EYE_OCCLUSION[1] + shine,
        blue * (key * KEY_COLOUR[2] + EYE_SKY) * EXPOSURE * ao ** EYE_OCCLUSION[2] + shine,
    )


@device
def _surface(point: Point, scene: Scene) -> Vector:
    """Skin, hair and the inside of the mouth."""
    skin_tone = scene.places[SKIN_TONE]
    red, green, blue, du, dv = texel(scene.texture, point.uv[0], point.uv[1])
    baked = vector(scene.vertices, BAKED, point.corners, point.weights)
    colour = (red / baked[0], green / baked[1], blue / baked[2])
    hair = column_at(point, HAIR, scene)
    if hair > 0:
        hair *= hairiness(colour[0], colour[1], colour[2], skin_tone)
    bumped = _bump(point.normal, du, dv, uv_slopes(point, scene))
    if skin_tone[2] > 0 and hair < 0.9:
        bumped = _grainy(bumped, skin_tone[2] * (1 - hair), point, scene)
    gloss = column_at(point, GLOSS, scene) * (1 - hair) + 0.30 * hair
    skin, dim = 1 - hair, 1 - 0.30 * clip(column_at(point, CAVITY, scene), 0.0, 1.2)
    if scene.triangles[point.triangle, 6] == SKIN:
        gloss *= 1 - 0.75 * _matt(colour, skin_tone)
    elif scene.triangles[point.triangle, 6] == INTERIOR:
        skin, dim = 0.5, dim * min(1.0, 1.6 * math.sqrt(point.ao))
    shine = _oil(point, bumped, gloss) * (1 - 0.85 * hair)
    strand = (0.0, 0.0, 0.0)
    if hair > 0.01:
        strand = _tinted(hair * _hair_shine(point, direction_at(point, TANGENT, scene)), colour)
    light = _light(skin, direction_at(point, SMOOTH, scene), bumped, point, scene)
    return (
        colour[0] * dim * light[0] + shine + strand[0],
        colour[1] * dim * light[1] + shine + strand[1],
        colour[2] * dim * light[2] + shine + strand[2],
    )


@device
def _cloth(point: Point, scene: Scene) -> Vector:
    """Matt fabric that catches a little light at grazing angles."""
    away = 1 - clip(dot(point.normal, point.toward))
    fuzz = 1 + 0.8 * away * away
    light = _light(0.0, point.normal, point.normal, point, scene)
    return (
        CLOTH_COLOUR[0] * fuzz * light[0],
        CLOTH_COLOUR[1] * fuzz * light[1],
        CLOTH_COLOUR[2] * fuzz * light[2],
    )


def shade(ids: Array, scene: Scene, image: Array) -> None:
    """Write linear light into `image` (H,W,3) where `ids` (H,W) names a triangle (not -1)."""
    parallel(_shade, len(ids), ids, scene, image)


@kernel
def _shade(tasks: tuple[int, int], ids: Array, scene: Scene, image: Array) -> None:
    for y in range(*tasks):
        for x in range(ids.shape[1]):
            t = np.int64(ids[y, x])
            if t < 0:
                continue
            point = point_seen(t, x + 0.5, y + 0.5, scene)
            material = scene.triangles[t, 6]
            if material in (LEFT_EYE, RIGHT_EYE):
                colour = _eye(point, scene)
            elif material == CLOTH:
                colour = _cloth(point, scene)
            else:
                colour = _surface(point, scene)
            image[y, x, 0] = colour[0]
            image[y, x, 1] = colour[1]
            image[y, x, 2] = colour[2]


def shade_roots(
    triangles: Array, weights: Array, tones: Array, scene: Scene
) -> tuple[Array, Array]:
    """Linear colours (N,3) of strands rooted at points of triangles, and how much hair is there.

    triangles (N,); weights (N,3) of their corners; tones (N,): brightness. Hair (N,) from 0 to 1.
    """
    colours = np.empty((len(triangles), 3), np.float32)
    hair = np.empty(len(triangles), np.float32)
    roots = triangles.astype(np.int32), weights, tones
    parallel(_shade_roots, len(triangles), roots, scene, colours, hair)
    return colours, hair


@kernel
def _shade_roots(
    tasks: tuple[int, int], roots: Any, scene: Scene, colours: Array, hair: Array
) -> None:
    triangles, weights, tones = roots
    for n in range(*tasks):
        point = point_on(np.int64(triangles[n]), row(weights, n), 0.0, scene)
        red, green, blue, _, _ = texel(scene.texture, point.uv[0], point.uv[1])
        hair[n] = column_at(point, HAIR, scene)
        hair[n] *= hairiness(red, green, blue, scene.places[SKIN_TONE])
        light = _light(0.0, point.normal, point.normal, point, scene)
        shine = _hair_shine(point, direction_at(point, TANGENT, scene))
        strand = _tinted(shine, (red, green, blue))
        colours[n, 0] = tones[n] * (red * light[0] + strand[0])
        colours[n, 1] = tones[n] * (green * light[1] + strand[1])
        colours[n, 2] = tones[n] * (blue * light[2] + strand[2])


@device
def hairy(colours: Array, skin: Array) -> Array:
    """`hairiness` of linear colours (N,3)."""
    result = np.empty(len(colours), np.float32)
    for n in range(len(colours)):
        result[n] = hairiness(colours[n, 0], colours[n, 1], colours[n, 2], skin)
    return result
