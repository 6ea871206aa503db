"""Lines of age and expression: forehead, frown, crow's feet, smile lines, under the eyes, neck."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, curve, step
from clipface_cli.synth.sketch import Sketch

# The smile line from the wing of the nose to below the corner of the mouth (side by height).
_FOLD_Y = np.array([-0.098, -0.085, -0.075, -0.065, -0.055, -0.046, -0.038])
_FOLD_X = np.array([0.0330, 0.0345, 0.0345, 0.0325, 0.0290, 0.0240, 0.0185])


class _Lines:
    """Canonical line maps (R, R), each 0..1 dark in the groove; `raised` is light beside it."""

    def __init__(self, canvas: Canvas) -> None:
        c = canvas
        wave, soft = c.wobble[0], c.wobble[3]
        self.forehead = _forehead(c)
        frown = bump(c.side - 0.0008 * wave + 0.10 * (c.y - 0.016), 0.0068, 0.0012)
        frown *= step(0.006, 0.014, c.y) * step(0.031, 0.020, c.y) * c.front
        root = bump(c.y, 0.0015, 0.0012) * step(0.010, 0.004, c.side) * c.front
        self.frown = np.asarray(frown + 0.6 * root, np.float32)
        fold = np.interp(c.y, _FOLD_Y, _FOLD_X).astype(np.float32) + 0.0008 * soft
        span = step(-0.100, -0.088, c.y) * step(-0.034, -0.042, c.y) * c.front
        self.smile = np.asarray(span * _groove(c.side - fold, 0.0021), np.float32)
        self.smile_light = np.asarray(span * bump(c.side - fold, 0.0058, 0.0038), np.float32)
        self.crow = _crow(c)
        ripples = step(0.7, 1.0, np.abs(np.cos((c.lash + 0.0006 * wave) / 0.0029 * np.pi / 2)))
        below = step(0.012, 0.006, c.lash) * (1 - c.upper_lash) * step(0.003, 0.005, c.lash)
        self.under_eye = np.asarray(ripples * below * c.front, np.float32)
        rows = c.y + 0.15 * -c.z + 0.004 * wave
        self.neck = np.asarray(
            step(0.86, 1.0, 1 - np.abs(np.mod(rows / 0.022, 1) - 0.5) * 2)
            * step(-0.115, -0.13, c.y)
            * c.skin,
            np.float32,
        )
        pleats = step(0.6, 1.0, np.abs(np.cos(c.x / 0.0034 * np.pi / 2 + 0.6 * soft)))
        self.lip = np.asarray(
            pleats * bump(c.y, -0.0545, 0.0038) * step(0.017, 0.010, c.side) * c.front, np.float32
        )
        marionette = curve(c.y, [-0.105, -0.09, -0.072], [0.0285, 0.0275, 0.0250])
        self.mouth_corner = np.asarray(
            _groove(c.side - marionette, 0.0015)
            * step(-0.104, -0.092, c.y)
            * step(-0.070, -0.076, c.y)
            * c.front,
            np.float32,
        )
        self.dimple = np.asarray(
            np.exp(-(((c.side - 0.0305) / 0.0022) ** 2 + ((c.y + 0.066) / 0.006) ** 2)) * c.front,
            np.float32,
        )


def _groove(offset: Field, width: float) -> Field:
    """Sharp on the inner side, soft on the outer."""
    return np.where(
        offset < 0,
        np.exp(-((offset / (0.7 * width)) ** 2)),
        np.exp(-((offset / (1.5 * width)) ** 2)),
    ).astype(np.float32)


def _forehead(c: Canvas) -> Field:
    height = c.y + 0.0022 * c.wobble[0] + 0.5 * c.side**2 * 8 * 0.1
    saw = np.mod((height - 0.030) / 0.0100 + 0.12 * c.wobble[3], 1)
    lines = step(0.72, 1.0, 1 - np.abs(saw - 0.5) * 2)
    zone = step(0.026, 0.033, c.y) * step(0.066, 0.056, c.y) * step(0.048, 0.03, c.side) * c.front
    return np.asarray(lines * zone * np.clip(0.8 + 0.4 * c.wobble[4], 0, 1), np.float32)


def _crow(c: Canvas) -> Field:
    _, outer = c.eye_corners[1]
    dx, dy = c.side - float(outer[0]), c.y - float(outer[1])
    radius, turn = np.hypot(dx, dy), np.arctan2(dy, dx) + 0.10 * c.wobble[3]
    rays = step(0.72, 1.0, np.abs(np.cos(turn * 4.2)))
    zone = step(0.003, 0.007, radius) * step(0.025, 0.011, radius) * (dx > 0)
    zone = zone * step(1.1, 0.7, np.abs(turn)) * step(-0.06, -0.04, c.z) * c.skin
    return np.asarray(rays * zone, np.float32)


def paint_wrinkles(sketch: Sketch) -> None:
    """Darken grooves and lighten the rolls beside them."""
    p, lines, c = sketch.person, sketch.canvas.once(_Lines), sketch.canvas
    age = p.wrinkles
    depth = (
        (0.85 * p.forehead_lines) * lines.forehead
        + (0.75 * p.frown_lines) * lines.frown
        + (0.75 * p.smile_lines) * lines.smile
        + (0.6 * max(age, 0.7 * p.smile_lines)) * lines.crow
        + (0.45 * age + 0.25 * p.smile_lines) * lines.under_eye
        + 0.5 * age * (lines.neck + lines.lip)
        + 0.7 * age * lines.mouth_corner
        + 0.45 * p.smile_lines * (1 - age) * lines.dimple
    )
    depth = c.blur(np.asarray(np.clip(depth, 0, 1.4), np.float32), 0.9)
    sketch.relief += depth
    sketch.darken(np.clip(0.56 * depth, 0, 0.75), (0.72, 1.0, 1.05))
    light = p.smile_lines * lines.smile_light * 0.10
    sketch.colour *= (1 + np.clip(light, 0, 0.2))[..., None]
    _sag(sketch)


def _sag(sketch: Sketch) -> None:
    """Bags under the eyes, hollow temples and cheeks of old age."""
    p, c = sketch.person, sketch.canvas
    if p.wrinkles < 0.05:
        return
    bag = bump(c.lash, 0.0125, 0.0020) * (1 - c.upper_lash) * c.front
    bag *= step(0.012, 0.018, c.side) * step(0.046, 0.040, c.side)
    hollow = np.exp(-(((c.side - 0.052) / 0.012) ** 2 + ((c.y + 0.055) / 0.018) ** 2)) * c.skin
    hollow *= step(-0.06, -0.03, c.z)
    jowl = np.exp(-(((c.side - 0.040) / 0.006) ** 2 + ((c.y + 0.100) / 0.010) ** 2)) * c.front
    shade = p.wrinkles * (0.42 * bag + 0.28 * hollow + 0.26 * jowl)
    sketch.darken(shade, (0.75, 1.0, 1.0))
