"""Lips as an analytic outline in canonical coordinates, with creases and lipstick."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, curve, noise, step, to_linear
from clipface_cli.synth.pigment import skin_colour
from clipface_cli.synth.sketch import Sketch

_HALF_WIDTH = 0.0235
_UPPER_AT = np.array([0, 0.002, 0.0045, 0.0075, 0.011, 0.015, 0.0185, 0.0205, 0.0220]) * 1.068
_UPPER = np.array([0.0074, 0.0078, 0.0086, 0.0082, 0.0068, 0.0046, 0.0025, 0.0013, 0])
_BOW = np.array([-0.0014, -0.0008, 0.0008, 0.0006, 0, 0, 0, 0, 0])
_LOWER_AT = np.array([0, 0.004, 0.008, 0.012, 0.0155, 0.0185, 0.0205, 0.0220]) * 1.068
_LOWER = np.array([0.0112, 0.0110, 0.0100, 0.0080, 0.0055, 0.0029, 0.0014, 0])


def lip_edge(sketch: Sketch) -> Field:
    """Signed distance (R, R) inside the outline of the lips, metres."""
    c, p = sketch.canvas, sketch.person
    drop = c.y + 0.0670 + 0.0004 * (c.side / 0.022) ** 2
    bow = _UPPER + _BOW * (2 * p.lip_bow - 0.6)
    upper = curve(c.side, _UPPER_AT, bow * p.lip_fullness)
    lower = curve(c.side, _LOWER_AT, _LOWER * p.lip_fullness)
    return np.asarray(np.where(drop > 0, upper - drop, lower + drop) * 0.9, np.float32)


def lip_zone(sketch: Sketch) -> Field:
    """1 round the mouth, where lips may lie (R, R)."""
    c = sketch.canvas
    inside = step(_HALF_WIDTH + 0.0012, _HALF_WIDTH - 0.0004, c.side) * step(-0.012, -0.008, c.z)
    return np.asarray(inside * (np.abs(c.y + 0.067) < 0.022) * c.skin, np.float32)


def paint_lips(sketch: Sketch) -> None:
    """Lay the natural lips; leaves their mask and creases for lipstick and light."""
    c, p = sketch.canvas, sketch.person
    edge, near = lip_edge(sketch), lip_zone(sketch)
    ragged = 0.0005 * c.wobble[3] + 0.00025 * c.grain[0]
    sketch.lips = np.asarray(step(-0.0007, 0.0011, edge + ragged) * near, np.float32)
    sketch.creases = c.once(_creases)
    blood = p.haemoglobin + p.lip_redness * (1 + 0.15 * sketch.medium)
    lower = c.y < -0.067
    blood = blood * np.where(lower, 0.94, 1.06)
    pigment = np.full_like(c.x, p.melanin * 0.9 + 0.05)
    pigment += 0.06 * np.where(lower, 0, 1)
    colour = skin_colour(pigment, blood * 1.12, 0.2)
    colour *= (1 - 0.20 * sketch.creases)[..., None]
    border = bump(edge, -0.0014, 0.0009) * near * (c.y > -0.067)
    sketch.colour *= (1 + 0.07 * border)[..., None]
    sketch.over(colour, sketch.lips * 0.88)
    line = bump(c.mouth, 0, 0.0011) * near + step(0.5, 0.8, c.region["mouth_interior"]) * near
    sketch.darken(np.clip(line, 0, 1) * 0.5, (0.9, 1.0, 1.0))


def _creases(canvas: Canvas) -> Field:
    """Upright creases of the lips, 0..1."""
    x = canvas.x + 0.0006 * canvas.wobble[3]
    total = np.zeros_like(x)
    for scale, amount, seed in ((0.0024, 0.6, 40), (0.0014, 0.4, 41)):
        points = np.stack([x / scale, canvas.y / (9 * scale), 0 * x], -1)
        total += amount * np.abs(noise(points, 1.0, seed, 2))
    return np.asarray(np.clip(1 - 2.2 * total, 0, 1), np.float32)


def paint_lipstick(sketch: Sketch) -> None:
    """Cover the lips, with a sharper edge than the natural one."""
    p = sketch.person
    if p.lipstick < 0.01:
        return
    crisp = step(-0.0004, 0.0006, lip_edge(sketch) + 0.0002) * lip_zone(sketch)
    cover = np.maximum(crisp, sketch.lips) * (0.94 * p.lipstick)
    shade = to_linear(p.colour("lipstick")) * (1 - 0.15 * sketch.creases)[..., None]
    shine = bump(sketch.canvas.y, -0.0735, 0.0016) * step(0.013, 0.004, sketch.canvas.side)
    shade = shade + (0.10 * shine * (1 - 0.6 * sketch.creases))[..., None]
    sketch.over(shade, cover)
