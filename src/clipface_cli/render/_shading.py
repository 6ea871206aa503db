"""Skin, hair, eye and mouth shading of a portrait, one sample at a time.

Light arrives from a soft key, a fill and two rims fixed to the studio, and from a sky that is
blocked by ambient occlusion. Skin spreads light below its surface, red farthest: each channel has
its own wrap, its own mix of smoothed and bumped normals and its own occlusion exponent.
"""

from __future__ import annotations

import math

import numba as nb
import numpy as np

_inline = nb.njit(fastmath=True)


def _unit(x: float, y: float, z: float) -> tuple[float, float, float]:
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

CATCH_LIGHT, CATCH_FILL = _unit(-0.42, 0.42, 1.0), _unit(0.5, -0.1, 1.0)
SHADOW_TAPS = 12
SHADOW_RADIUS = 0.0042  # metres

# columns of the per-vertex table
AO, CAVITY, GLOSS, HAIR = 0, 1, 2, 3
COLUMNS = 4


def _spiral(count: int) -> np.ndarray:
    """(N,2) points spread evenly over the unit disc."""
    i = np.arange(count) + 0.5
    angle = i * math.pi * (3 - math.sqrt(5))
    return (np.sqrt(i / count) * np.stack([np.cos(angle), np.sin(angle)])).T


_TAPS = _spiral(SHADOW_TAPS)


@_inline
def _dot(a, b):  # type: ignore[no-untyped-def]
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


@_inline
def _cross(a, b):  # type: ignore[no-untyped-def]
    return (
        a[1] * b[2] - a[2] * b[1],
        a[2] * b[0] - a[0] * b[2],
        a[0] * b[1] - a[1] * b[0],
    )


@_inline
def _add(a, b, scale):  # type: ignore[no-untyped-def]
    return a[0] + scale * b[0], a[1] + scale * b[1], a[2] + scale * b[2]


@_inline
def _normal(a):  # type: ignore[no-untyped-def]
    scale = 1 / math.sqrt(a[0] * a[0] + a[1] * a[1] + a[2] * a[2] + 1e-20)
    return a[0] * scale, a[1] * scale, a[2] * scale


@_inline
def _clip(x, low=0.0, high=1.0):  # type: ignore[no-untyped-def]
    return min(max(x, low), high)


@_inline
def _step(low, high, x):  # type: ignore[no-untyped-def]
    t = _clip((x - low) / (high - low))
    return t * t * (3 - 2 * t)


@_inline
def _at(table, corners, weights):  # type: ignore[no-untyped-def]
    """Interpolate the first three columns of a vertex table."""
    a, b, c = corners
    u, v, w = weights
    return (
        table[a, 0] * u + table[b, 0] * v + table[c, 0] * w,
        table[a, 1] * u + table[b, 1] * v + table[c, 1] * w,
        table[a, 2] * u + table[b, 2] * v + table[c, 2] * w,
    )


@_inline
def _weights(screen, corners, x, y):  # type: ignore[no-untyped-def]
    """Perspective-correct barycentrics; column 2 of `screen` is the distance."""
    a, b, c = corners
    ax, ay, bx, by = screen[a, 0], screen[a, 1], screen[b, 0], screen[b, 1]
    cx, cy = screen[c, 0], screen[c, 1]
    u = ((bx - x) * (cy - y) - (cx - x) * (by - y)) / screen[a, 2]
    v = ((cx - x) * (ay - y) - (ax - x) * (cy - y)) / screen[b, 2]
    w = ((ax - x) * (by - y) - (bx - x) * (ay - y)) / screen[c, 2]
    total = u + v + w
    return u / total, v / total, w / total


@_inline
def _texel(texture, x, y, channel):  # type: ignore[no-untyped-def]
    """Bilinear sample at texel coordinates (row 0 at the top)."""
    x0 = min(max(int(x), 0), texture.shape[1] - 2)
    y0 = min(max(int(y), 0), texture.shape[0] - 2)
    fx, fy = _clip(x - x0), _clip(y - y0)
    top = texture[y0, x0, channel] * (1 - fx) + texture[y0, x0 + 1, channel] * fx
    low = texture[y0 + 1, x0, channel] * (1 - fx) + texture[y0 + 1, x0 + 1, channel] * fx
    return top * (1 - fy) + low * fy


@_inline
def _shadow(position, slope, light, depth, turn):  # type: ignore[no-untyped-def]
    """Lit share of a disc around the point in the key's depth map (percentage closer)."""
    frame, origin, scale = light
    x = (_dot(frame[0], position) - origin[0]) * scale
    y = (_dot(frame[1], position) - origin[1]) * scale
    z = _dot(frame[2], position) - 0.0022 - 0.004 * slope
    size = depth.shape[0]
    radius = SHADOW_RADIUS * scale
    cosine, sine = math.cos(turn) * radius, math.sin(turn) * radius
    lit = 0
    for tap in range(SHADOW_TAPS):
        dx, dy = _TAPS[tap]
        column = min(max(int(x + dx * cosine - dy * sine), 0), size - 1)
        row = min(max(int(y + dx * sine + dy * cosine), 0), size - 1)
        lit += z < depth[row, column]
    return lit / SHADOW_TAPS


@_inline
def _lobe(normal, view, light, power):  # type: ignore[no-untyped-def]
    """Normalised Blinn-Phong lobe."""
    half = _normal(_add(light, view, 1.0))
    facing = _clip(4 * _dot(normal, light))
    return _clip(_dot(normal, half)) ** power * (power + 8) / 25.13 * facing


@_inline
def _strand(tangent, normal, view, light, power):  # type: ignore[no-untyped-def]
    """Kajiya-Kay highlight of hair running along `tangent`."""
    half = _normal(_add(light, view, 1.0))
    along = _dot(tangent, half)
    return max(1 - along * along, 0.0) ** (power / 2) * _clip(1.5 * _dot(normal, light) + 0.2)


@_inline
def _wrapped(smooth, bumped, light, mix, wrap):  # type: ignore[no-untyped-def]
    cosine = _dot(smooth, light) * mix + _dot(bumped, light) * (1 - mix)
    return _clip((cosine + wrap) / (1 + wrap)) ** 1.15


@_inline
def _diffuse(channel, skin, smooth, bumped, normal, ao, shadow):  # type: ignore[no-untyped-def]
    """Light arriving in one channel; `skin` 1 spreads it as skin does, 0 is an opaque surface."""
    mix = SKIN_SMOOTH[channel] * skin
    wrap = SKIN_WRAP[channel] * skin + HAIR_WRAP * (1 - skin)
    hidden = ao ** (SKIN_OCCLUSION[channel] * skin + 1 - skin)
    lit = shadow ** (SKIN_SHADOW[channel] * skin + 1 - skin)
    up = 0.6 + 0.4 * normal[1]
    sky = SKY_COLOUR[channel] * up + GROUND_COLOUR[channel] * (0.5 - 0.5 * normal[1])
    key = _wrapped(smooth, bumped, KEY, mix, wrap) * KEY_COLOUR[channel] * lit
    fill = _wrapped(smooth, bumped, FILL, mix, wrap) * FILL_COLOUR[channel] * math.sqrt(hidden)
    rims = 0.55 * _clip(_dot(normal, RIM)) + 0.25 * _clip(_dot(normal, BACK_RIM))
    return key + fill + sky * hidden + rims * ao * RIM_COLOUR[channel]


@_inline
def _oil(normal, bumped, view, gloss, ao, shadow):  # type: ignore[no-untyped-def]
    """Two specular lobes of the skin's oil, and a faint sheen at the rim."""
    facing = _clip(_dot(bumped, view), 1e-3)
    fresnel = 0.028 + 0.35 * (1 - facing) ** 5
    power = 12 + 50 * gloss
    key = 1.17 * _lobe(bumped, view, KEY, power) + 1.29 * _lobe(bumped, view, KEY, power * 3.2)
    lobes = key * shadow + 0.5 * _lobe(bumped, view, FILL, power * 0.7)
    sheen = (1 - facing) ** 4 * 0.05 * ao * _clip(_dot(normal, RIM) + 0.2)
    return lobes * gloss * ao * fresnel * 1.25 + sheen


@_inline
def _hair_shine(tangent, normal, view, ao, shadow):  # type: ignore[no-untyped-def]
    first = _normal(_add(tangent, normal, -0.12))
    second = _normal(_add(tangent, normal, 0.10))
    key = 0.07 * _strand(first, normal, view, KEY, 60)
    key += 0.04 * _strand(second, normal, view, KEY, 18)
    rim = 0.10 * _strand(tangent, normal, view, RIM, 30)
    fill = 0.025 * _strand(tangent, normal, view, FILL, 30)
    return (key * shadow + rim + fill) * ao * 0.9


@_inline
def _bump(normal, gradient, frame):  # type: ignore[no-untyped-def]
    """Tilt the normal against the surface gradient of the height map.

    `gradient` is (dh/du, dh/dv); `frame` holds the surface gradients of u and v.
    """
    along_u, along_v = frame
    slope = (
        gradient[0] * along_u[0] + gradient[1] * along_v[0],
        gradient[0] * along_u[1] + gradient[1] * along_v[1],
        gradient[0] * along_u[2] + gradient[1] * along_v[2],
    )
    steep = math.sqrt(_dot(slope, slope))
    limit = min(1.0, 0.5 / (steep + 1e-9))
    return _normal(_add(normal, slope, -limit))


@_inline
def _uv_frame(positions, corners, uv, uv_corners):  # type: ignore[no-untyped-def]
    """Surface gradients of u and v over a triangle, each a vector in 1/metre."""
    a, b, c = corners
    i, j, k = uv_corners
    e1 = (
        positions[b, 0] - positions[a, 0],
        positions[b, 1] - positions[a, 1],
        positions[b, 2] - positions[a, 2],
    )
    e2 = (
        positions[c, 0] - positions[a, 0],
        positions[c, 1] - positions[a, 1],
        positions[c, 2] - positions[a, 2],
    )
    n = _cross(e1, e2)
    area = _dot(n, n) + 1e-24
    p, q = _cross(e2, n), _cross(n, e1)
    u1, u2 = (uv[j, 0] - uv[i, 0]) / area, (uv[k, 0] - uv[i, 0]) / area
    v1, v2 = (uv[j, 1] - uv[i, 1]) / area, (uv[k, 1] - uv[i, 1]) / area
    return (
        (p[0] * u1 + q[0] * u2, p[1] * u1 + q[1] * u2, p[2] * u1 + q[2] * u2),
        (p[0] * v1 + q[0] * v2, p[1] * v1 + q[1] * v2, p[2] * v1 + q[2] * v2),
    )


@_inline
def _eye_light(channel, normal, ao, shadow):  # type: ignore[no-untyped-def]
    key = _clip(0.6 * _dot(normal, KEY) + 0.4) * KEY_COLOUR[channel] * 0.36 * (0.35 + 0.65 * shadow)
    return (key + 0.42) * ao**1.7 * 1.25


@_inline
def _catch(normal, view, ao):  # type: ignore[no-untyped-def]
    """Reflections of the key and the fill on the wet eye."""
    facing = 2 * _dot(normal, view)
    mirror = _normal(
        (facing * normal[0] - view[0], facing * normal[1] - view[1], facing * normal[2] - view[2])
    )
    key = _step(0.974, 0.986, _dot(mirror, CATCH_LIGHT)) * 0.9
    fill = _step(0.988, 0.994, _dot(mirror, CATCH_FILL)) * 0.10
    return (key + fill) * _clip(1.6 * ao - 0.25)


@nb.njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
def shade(  # type: ignore[no-untyped-def]
    ids,
    screen,
    positions,
    normals,
    smooth,
    tangents,
    table,
    mesh,
    texture,
    hair_key,
    eyes,
    light,
    depth,
    camera,
    image,
):
    """Write linear light into `image` (H,W,3) where `ids` (H,W) names a triangle.

    screen (V,3) pixel x, y, distance; positions, normals, smooth, tangents (V,3) in the studio;
    table (V,COLUMNS); mesh = faces, uv, uv_faces, material; texture (T,T,5) linear RGB and
    height gradient per UV unit in metres; hair_key = skin's mean colour; eyes = (2,3) centres;
    light = frame, origin, scale of the key's depth map; camera = eye position.
    """
    faces, uv, uv_faces, material = mesh
    size = texture.shape[0]
    for row in nb.prange(ids.shape[0]):
        for column in range(ids.shape[1]):
            t = ids[row, column]
            if t < 0:
                continue
            corners = (faces[t, 0], faces[t, 1], faces[t, 2])
            uv_corners = (uv_faces[t, 0], uv_faces[t, 1], uv_faces[t, 2])
            weights = _weights(screen, corners, column + 0.5, row + 0.5)
            position = _at(positions, corners, weights)
            normal = _normal(_at(normals, corners, weights))
            view = _normal(
                (camera[0] - position[0], camera[1] - position[1], camera[2] - position[2])
            )
            u = uv[uv_corners[0], 0] * weights[0] + uv[uv_corners[1], 0] * weights[1]
            u = (u + uv[uv_corners[2], 0] * weights[2]) * size - 0.5
            v = uv[uv_corners[0], 1] * weights[0] + uv[uv_corners[1], 1] * weights[1]
            v = (1 - (v + uv[uv_corners[2], 1] * weights[2])) * size - 0.5
            ao = table[corners[0], AO] * weights[0] + table[corners[1], AO] * weights[1]
            ao = _clip(ao + table[corners[2], AO] * weights[2], 1e-4)
            noise = 52.9829189 * ((0.06711056 * column + 0.00583715 * row) % 1.0)
            slope = 1 - _clip(_dot(normal, KEY))
            shadow = _shadow(position, slope, light, depth, 6.2832 * (noise % 1.0))
            if material[t] == 1 or material[t] == 2:
                centre = eyes[material[t] - 1]
                sphere = _normal(
                    (position[0] - centre[0], position[1] - centre[1], position[2] - centre[2])
                )
                shine = _catch(sphere, view, _clip(1.15 * ao))
                for channel in range(3):
                    albedo = _texel(texture, u, v, channel)
                    lit = _eye_light(channel, sphere, _clip(1.15 * ao), shadow)
                    image[row, column, channel] = albedo * lit * EXPOSURE + shine + 0.003 * ao
                continue
            soft = _normal(_at(smooth, corners, weights))
            gradient = (_texel(texture, u, v, 3), _texel(texture, u, v, 4))
            frame = _uv_frame(positions, corners, uv, uv_corners)
            bumped = _bump(normal, gradient, frame)
            cavity = table[corners[0], CAVITY] * weights[0] + table[corners[1], CAVITY] * weights[1]
            cavity += table[corners[2], CAVITY] * weights[2]
            gloss = table[corners[0], GLOSS] * weights[0] + table[corners[1], GLOSS] * weights[1]
            gloss += table[corners[2], GLOSS] * weights[2]
            hair = table[corners[0], HAIR] * weights[0] + table[corners[1], HAIR] * weights[1]
            hair += table[corners[2], HAIR] * weights[2]
            red, green = _texel(texture, u, v, 0), _texel(texture, u, v, 1)
            blue = _texel(texture, u, v, 2)
            if hair > 0.0:
                off = abs(math.log((red + green + blue + 0.03) / (hair_key[0] + 0.03)))
                off += 3 * abs(red / (red + green + blue + 0.01) - hair_key[1])
                hair *= _step(0.25, 0.6, off)
            skin = 1 - hair if material[t] == 0 else 0.5
            gloss = gloss * (1 - hair) + 0.30 * hair
            shine = _oil(normal, bumped, view, gloss, ao, shadow)
            strand = 0.0
            if hair > 0.01:
                tangent = _normal(_at(tangents, corners, weights))
                strand = hair * _hair_shine(tangent, normal, view, ao, shadow)
            dark = 1 - 0.30 * _clip(cavity, 0.0, 1.2)
            deep = ao if material[t] == 3 else 1.0
            brightest = max(red, green, blue, 1e-4)
            strand *= _clip(0.40 + 2.2 * brightest)
            for channel in range(3):
                albedo = red if channel == 0 else (green if channel == 1 else blue)
                tint = (0.30 + 0.70 * albedo / brightest) * strand
                lit = _diffuse(channel, skin, soft, bumped, normal, ao, shadow) * deep
                image[row, column, channel] = albedo * dark * lit * EXPOSURE + shine + tint


@nb.njit(cache=True, parallel=True, fastmath=True)  # type: ignore[untyped-decorator]
def resolve(image, out):  # type: ignore[no-untyped-def]
    """Tone-map linear light (2H,2W,3) with a filmic shoulder, average 2x2, write sRGB uint8."""
    for row in nb.prange(out.shape[0]):
        for column in range(out.shape[1]):
            for channel in range(3):
                total = 0.0
                for dy in range(2):
                    for dx in range(2):
                        x = max(image[2 * row + dy, 2 * column + dx, channel] * 1.02, 0.0)
                        x = min(x * (1 + 0.10 * x) / (1 + 0.42 * x) * 1.12, 1.0)
                        total += 12.92 * x if x < 0.0031308 else 1.055 * x ** (1 / 2.4) - 0.055
                out[row, column, channel] = int(total * 63.75 + 0.5)
