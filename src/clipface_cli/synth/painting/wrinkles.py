"""Lines of age and expression: forehead, frown, crow's feet, smile lines, under the eyes, neck."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, curve, ramp, spot
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table


class _Lines:
    """Canonical line maps (R, R), each 0..1 dark in the groove; `smile_light` lies beside it."""

    def __init__(self, canvas: Canvas) -> None:
        c, t = canvas, table("wrinkles")
        self.forehead = _forehead(c)
        self.frown = _frown(c)
        s = t.smile
        fold = np.interp(c.y, s.y, s.side).astype(np.float32) + s.ragged * c.wobble[3]
        span = ramp(s.bottom, c.y) * ramp(s.top, c.y) * c.front
        self.smile = np.asarray(span * _groove(c.side - fold, s.width), np.float32)
        self.smile_light = np.asarray(span * bump(c.side - fold, *s.light_band), np.float32)
        self.crow = _crow(c)
        self.under_eye = _under_eye(c)
        n, k = t.neck, t.lip
        rows = c.y + n.slope * -c.z + n.ragged * c.wobble[0]
        rings = ramp(n.ramp, 1 - np.abs(np.mod(rows / n.spacing, 1) - 0.5) * 2)
        self.neck = np.asarray(rings * ramp(n.top, c.y) * c.skin, np.float32)
        turn = c.x / k.spacing * np.pi / 2 + k.ragged * c.wobble[3]
        pleats = ramp(k.ramp, np.abs(np.cos(turn))) * bump(c.y, *k.y)
        self.lip = np.asarray(pleats * ramp(k.side, c.side) * c.front, np.float32)
        m = t.mouth_corner
        line = _groove(c.side - curve(c.y, m.y, m.side), m.width)
        line = line * ramp(m.bottom, c.y) * ramp(m.top, c.y) * c.front
        self.mouth_corner = np.asarray(line, np.float32)
        self.dimple = np.asarray(spot(c.side, c.y, t.dimple.spot) * c.front, np.float32)


def _groove(offset: Field, width: float) -> Field:
    """Sharp on the inner side, soft on the outer."""
    t = table("wrinkles").groove
    inner = np.exp(-((offset / (t.inner * width)) ** 2))
    outer = np.exp(-((offset / (t.outer * width)) ** 2))
    return np.where(offset < 0, inner, outer).astype(np.float32)


def _frown(c: Canvas) -> Field:
    t = table("wrinkles").frown
    frown = bump(c.side - t.ragged * c.wobble[0] + t.slope * (c.y - t.y), t.x, t.width)
    frown *= ramp(t.bottom, c.y) * ramp(t.top, c.y) * c.front
    root = bump(c.y, *t.root_band) * ramp(t.root_side, c.side) * c.front
    return np.asarray(frown + t.root * root, np.float32)


def _under_eye(c: Canvas) -> Field:
    t = table("wrinkles").under_eye
    turn = (c.lash + t.ragged * c.wobble[0]) / t.spacing * np.pi / 2
    ripples = ramp(t.ramp, np.abs(np.cos(turn)))
    below = ramp(t.outer, c.lash) * (1 - c.upper_lash) * ramp(t.inner, c.lash)
    return np.asarray(ripples * below * c.front, np.float32)


def _forehead(c: Canvas) -> Field:
    t = table("wrinkles").forehead
    height = c.y + t.ragged * c.wobble[0] + t.bow * c.side**2
    saw = np.mod((height - t.first) / t.spacing + t.uneven * c.wobble[3], 1)
    lines = ramp(t.ramp, 1 - np.abs(saw - 0.5) * 2)
    zone = ramp(t.bottom, c.y) * ramp(t.top, c.y) * ramp(t.side, c.side) * c.front
    broken = np.clip(t.broken.base + t.broken.varied * c.wobble[4], 0, 1)
    return np.asarray(lines * zone * broken, np.float32)


def _crow(c: Canvas) -> Field:
    t = table("wrinkles").crow
    _, outer = c.eye_corners[1]
    dx, dy = c.side - float(outer[0]), c.y - float(outer[1])
    radius, turn = np.hypot(dx, dy), np.arctan2(dy, dx) + t.uneven * c.wobble[3]
    rays = ramp(t.ramp, np.abs(np.cos(turn * t.rays)))
    zone = ramp(t.inner, radius) * ramp(t.outer, radius) * (dx > 0)
    zone = zone * ramp(t.fan, np.abs(turn)) * ramp(t.front, c.z) * c.skin
    return np.asarray(rays * zone, np.float32)


def paint_wrinkles(painting: Painting) -> None:
    """Darken grooves and lighten the rolls beside them."""
    p, lines, c = painting.person, painting.canvas.once(_Lines), painting.canvas
    age, t = p.wrinkles, table("wrinkles").depth
    depth = (
        (t.forehead * p.forehead_lines) * lines.forehead
        + (t.frown * p.frown_lines) * lines.frown
        + (t.smile * p.smile_lines) * lines.smile
        + (t.crow * max(age, t.crow_smile * p.smile_lines)) * lines.crow
        + (t.under_eye[0] * age + t.under_eye[1] * p.smile_lines) * lines.under_eye
        + t.neck_lip * age * (lines.neck + lines.lip)
        + t.mouth_corner * age * lines.mouth_corner
        + t.dimple * p.smile_lines * (1 - age) * lines.dimple
    )
    depth = c.blur(np.asarray(np.clip(depth, 0, t.most), np.float32), t.blur)
    painting.relief += depth
    painting.darken(np.clip(t.shade * depth, 0, t.darkest), t.channels)
    light = p.smile_lines * lines.smile_light * t.light
    painting.colour *= (1 + np.clip(light, 0, t.lightest))[..., None]
    _sag(painting)


def _sag(painting: Painting) -> None:
    """Bags under the eyes, hollow temples and cheeks of old age."""
    p, c, t = painting.person, painting.canvas, table("wrinkles").sag
    if p.wrinkles < t.least:
        return
    bag = bump(c.lash, *t.bag_band) * (1 - c.upper_lash) * c.front
    bag *= ramp(t.bag_inner, c.side) * ramp(t.bag_outer, c.side)
    hollow = spot(c.side, c.y, t.hollow_spot) * c.skin
    hollow *= ramp(t.hollow_front, c.z)
    jowl = spot(c.side, c.y, t.jowl_spot) * c.front
    shade = p.wrinkles * (t.bag * bag + t.hollow * hollow + t.jowl * jowl)
    painting.darken(shade, t.channels)
