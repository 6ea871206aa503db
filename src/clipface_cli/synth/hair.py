"""Scalp hair: hairline, styles, and strokes brightening towards the top layer."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, noise, step
from clipface_cli.synth.sketch import Sketch
from clipface_cli.synth.strokes import Layer, trace

# Hairline height over the turn from the front (0) to the back of the head, degrees and metres.
_TURN = np.radians([0, 15, 28, 36, 44, 52, 60, 68, 73, 83, 86, 100, 108, 118, 135, 180])
_LINE_WOMAN = (
    np.array([68, 69, 68, 60, 46, 32, 18, 2, -20, -22, 12, 12, -20, -45, -62, -68], float) / 1000
)
_LINE_MAN = (
    np.array([70, 73, 76, 70, 50, 32, 18, 0, -26, -30, 10, 12, -25, -48, -66, -72], float) / 1000
)
_CROWN = np.array([0.008, 0.092, -0.135], np.float32)
_COUNT = {"buzz": 9000, "back": 5200, "side": 5200, "fringe": 5200, "curly": 7000, "long": 5600}
_LENGTH = {
    "buzz": 0.003,
    "back": 0.026,
    "side": 0.02,
    "fringe": 0.018,
    "curly": 0.008,
    "long": 0.04,
}
_TONES = ((0.42, 0.85), (0.6, 1.35), (0.95, 2.2))


def hairline(points: Field, sex: float, recession: float) -> Field:
    """Signed distance (...) inside the hairline at points (..., 3), metres."""
    x, y, z = points[..., 0], points[..., 1], points[..., 2] + 0.07
    turn = np.arctan2(np.abs(x), z)
    line = _LINE_WOMAN * (1 - sex) + _LINE_MAN * sex
    degrees = np.degrees(turn)
    lifted = np.interp(turn, _TURN, line)
    lifted += recession * (0.020 * bump(degrees, 26, 14) + 0.010 * bump(degrees, 0, 40))
    ahead = np.interp(turn + 1e-3, _TURN, line)
    slope = (ahead - np.interp(turn, _TURN, line)) / (1e-3 * np.maximum(np.hypot(x, z), 0.02))
    return np.asarray((y - lifted) / np.sqrt(1 + np.clip(slope, -4, 4) ** 2), np.float32)


def long_hair(points: Field) -> Field:
    """Signed distance inside hair that falls in front of the ears and down the neck."""
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    forward = np.interp(y, [-0.20, -0.13, -0.09, -0.03, 0.02, 0.06], [-50, -46, -56, -44, -34, -24])
    temple = (forward / 1000 - z) * step(0.040, 0.050, x) - 0.02 * step(0.050, 0.040, x)
    return np.asarray(temple, np.float32)


class Style:
    """One style's direction field and traced layers."""

    def __init__(self, canvas: Canvas, name: str) -> None:
        self.name = name
        region = np.asarray(_reach(canvas, name) > -0.004, np.float32) * canvas.skin
        direction = _direction(canvas, name)
        curly = name == "curly"
        bends = {"jitter": 1.5, "curl": 0.16} if curly else {"jitter": 0.12, "curl": 0.010}
        self.layers = [
            trace(canvas, region, direction, _COUNT[name], _LENGTH[name], 300 + k, **bends)
            for k in range(3)
        ]


def _reach(canvas: Canvas, name: str) -> Field:
    """The largest area the style may cover."""
    reach = np.maximum(hairline(canvas.position, 0, 0), hairline(canvas.position, 1, 0))
    return np.maximum(reach, long_hair(canvas.position)) if name == "long" else reach


def _direction(canvas: Canvas, name: str) -> Field:
    c = canvas
    away = c.position - _CROWN
    away /= np.linalg.norm(away, axis=-1, keepdims=True)
    flow = away.copy()
    if name == "back":
        flow = np.array([0, 0.06, -0.17], np.float32) - c.position
        flow /= np.linalg.norm(flow, axis=-1, keepdims=True)
        flow += np.array([0, 0.25, -0.6], np.float32) * step(-0.07, 0.0, c.z)[..., None]
    if name == "side":
        part = np.tanh((c.x - 0.025) / 0.02) * 0.9 * step(0.03, 0.07, c.y)
        flow[..., 0] += part
        flow[..., 1] -= 0.2 * step(0.03, 0.07, c.y)
    if name == "fringe":
        flow[..., 2] += 0.5 * step(0.03, 0.07, c.y)
    if name == "long":
        flow[..., 0] = np.tanh(c.x / 0.012) * (0.3 + step(0.06, 0.10, c.y))
        flow[..., 1] = -0.25 - 0.9 * step(0.09, 0.03, c.y)
        flow[..., 2] = -0.75 * step(0.02, 0.07, c.y) * step(-0.12, -0.04, c.z)
    for k in range(3):
        flow[..., k] += 0.22 * noise(c.position, 0.018, 60 + k, 2)
    return c.tangent(flow)


def _inside(sketch: Sketch, points: Field, ragged: Field | float) -> Field:
    """Signed distance inside this person's hair at points."""
    p = sketch.person
    inside = hairline(points, p.sex, p.recession)
    top = step(0.045, 0.085, points[..., 1]) * step(-0.16, -0.12, points[..., 2])
    inside = inside - 0.05 * p.bald * top * (inside > 0)
    if p.style == "long":
        inside = np.maximum(inside, long_hair(points))
    return np.asarray(inside + ragged, np.float32)


def paint_hair(sketch: Sketch) -> None:
    """Base shade, then three layers of strokes."""
    c, p = sketch.canvas, sketch.person
    style = c.once(Style, p.style)
    ragged = 0.0035 * sketch.coarse + 0.0018 * c.wobble[3]
    inside = _inside(sketch, c.position, ragged)
    ears = c.region["ears"] if p.style != "long" else 0 * c.x
    outer = c.skin * (1 - step(0.25, 0.5, ears))
    buzz = p.style == "buzz"
    edge = 0.010 if buzz else 0.007
    base = np.asarray(step(-0.001, edge, inside) * outer, np.float32)
    base = c.blur(base, 2.0)
    colour = sketch.hair_colour()
    sketch.over(colour * (0.6 if buzz else 0.5), base * (0.72 if buzz else 0.86))
    for k, layer in enumerate(style.layers):
        _stroke_layer(sketch, layer, outer, inside, k)
    sketch.hair = np.maximum(sketch.hair, base)
    _shape_hair(sketch, base)


def _stroke_layer(sketch: Sketch, layer: Layer, outer: Field, here: Field, depth: int) -> None:
    p = sketch.person
    ragged = 0.0035 * layer.at_roots(sketch.coarse) + 0.004 * (layer.rank - 0.6)
    inside = _inside(sketch, layer.root, ragged)
    visible = step(-0.001, 0.002, inside)
    if p.bald > 0.05 or p.style == "buzz":
        visible = visible * step(-0.2, 0.4, inside / 0.012 + 0.5 - layer.rank)
    cover = layer.show(np.asarray(visible, np.float32)) * np.maximum(outer, 0.0)
    if p.style == "long":
        cover *= step(-0.006, 0.002, here)
    buzz = p.style == "buzz"
    low, high = _TONES[depth]
    bright = float(np.clip(sketch.hair_colour().max() * 1.3, 0, 0.8))
    low, high = low + (0.75 - low) * bright, high + (1.15 - high) * bright
    tone = layer.tones(low, high)[..., None]
    strength = 0.35 if buzz else 0.8
    sketch.over(sketch.hair_colour() * tone, cover * strength)


def _shape_hair(sketch: Sketch, base: Field) -> None:
    """Sheen over the crown of the head and shade towards the nape, so that it reads as a mass."""
    c, p = sketch.canvas, sketch.person
    if p.style == "buzz":
        return
    band = bump(c.y + 0.25 * c.z, 0.070 + 0.003 * c.wobble[3], 0.014)
    sketch.colour *= (1 + 0.45 * band * base * (0.4 + 0.6 * p.hair_volume))[..., None]
    low = step(0.03, -0.08, c.y) * base
    sketch.darken(0.4 * low, (1, 1, 1))
    if p.style == "long":
        parting = bump(c.x, 0.0005 * c.wobble[3], 0.0014) * step(0.05, 0.065, c.y) * base
        parting = parting * step(-0.13, -0.10, c.z)
        sketch.darken(parting * 0.55, (1, 1, 1))
