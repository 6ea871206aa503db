"""Scalp hair: hairline, styles, and strokes brightening towards the top layer."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, noise, ramp, step
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.painting.strokes import Layer, trace
from clipface_cli.synth.tables import table


def hairline(points: Field, sex: float, recession: float) -> Field:
    """Signed distance (...) inside the hairline at points (..., 3), metres.

    sex: 0 woman .. 1 man; recession: 0..1 at the temples.
    """
    t = table("hair").line
    at, x, y = np.radians(t.turn), points[..., 0], points[..., 1]
    z = points[..., 2] - t.axis
    line = np.array(t.woman, float) / 1000 * (1 - sex) + np.array(t.man, float) / 1000 * sex
    turn = np.arctan2(np.abs(x), z)
    degrees = np.degrees(turn)
    lifted = np.interp(turn, at, line)
    receding = t.temples_recession * bump(degrees, *t.temples)
    lifted += recession * (receding + t.front_recession * bump(degrees, *t.front))
    ahead = np.interp(turn + 1e-3, at, line)
    across = 1e-3 * np.maximum(np.hypot(x, z), t.nearest)
    slope = np.clip((ahead - np.interp(turn, at, line)) / across, -t.steepest, t.steepest)
    return np.asarray((y - lifted) / np.sqrt(1 + slope**2), np.float32)


def long_hair(points: Field) -> Field:
    """Signed distance (...), metres, inside hair before the ears and down the neck.

    points: (..., 3).
    """
    t = table("hair").long
    x, y, z = np.abs(points[..., 0]), points[..., 1], points[..., 2]
    forward = np.interp(y, t.y, t.z) / 1000
    temple = (forward - z) * ramp(t.side, x) - t.inner * ramp(t.side[::-1], x)
    return np.asarray(temple, np.float32)


class Style:
    """One style's direction field and traced layers."""

    def __init__(self, canvas: Canvas, name: str) -> None:
        t = table("hair").styles
        self.name = name
        region = np.asarray(_reach(canvas, name) > t.reach, np.float32) * canvas.skin
        bends = {"jitter": t.jitter, "curl": t.curl}
        if name == "curly":
            bends = {"jitter": t.curly_jitter, "curl": t.curly_curl}
        direction, count, length = _direction(canvas, name), t.count[name], t.length[name]
        self.layers = [
            trace(canvas, region, direction, count, length, t.layout + k, **bends) for k in range(3)
        ]


def _reach(canvas: Canvas, name: str) -> Field:
    """The largest area the style may cover."""
    reach = np.maximum(hairline(canvas.position, 0, 0), hairline(canvas.position, 1, 0))
    return np.maximum(reach, long_hair(canvas.position)) if name == "long" else reach


def _direction(canvas: Canvas, name: str) -> Field:
    c, t = canvas, table("hair").flow
    flow = c.position - np.array(t.crown, np.float32)
    flow /= np.linalg.norm(flow, axis=-1, keepdims=True)
    top = ramp(t.top, c.y)
    if name == "back":
        flow = np.array(t.back_to, np.float32) - c.position
        flow /= np.linalg.norm(flow, axis=-1, keepdims=True)
        flow += np.array(t.back_more, np.float32) * ramp(t.back_ramp, c.z)[..., None]
    if name == "side":
        flow[..., 0] += np.tanh((c.x - t.side_parting) / t.side_width) * t.side * top
        flow[..., 1] -= t.side_down * top
    if name == "fringe":
        flow[..., 2] += t.fringe * top
    if name == "long":
        aside = t.long_aside + ramp(t.long_aside_ramp, c.y)
        flow[..., 0] = np.tanh(c.x / t.long_parting) * aside
        flow[..., 1] = t.long_down - t.long_down_more * ramp(t.long_down_ramp, c.y)
        flow[..., 2] = t.long_back * ramp(t.long_back_y, c.y) * ramp(t.long_back_z, c.z)
    for k in range(3):
        stray = noise(c.position, t.disorder_size, t.disorder_layout + k, 2)
        flow[..., k] += t.disorder * stray
    return c.tangent(flow)


def _inside(painting: Painting, points: Field, ragged: Field | float) -> Field:
    """Signed distance inside this person's hair at points."""
    p, t = painting.person, table("hair").bald
    inside = hairline(points, p.sex, p.recession)
    top = ramp(t.top, points[..., 1]) * ramp(t.front, points[..., 2])
    inside = inside - t.depth * p.bald * top * (inside > 0)
    if p.style == "long":
        inside = np.maximum(inside, long_hair(points))
    return np.asarray(inside + ragged, np.float32)


def paint_hair(painting: Painting) -> None:
    """Base shade, then three layers of strokes."""
    c, p, t = painting.canvas, painting.person, table("hair").base
    style = c.once(Style, p.style)
    inside = _inside(painting, c.position, t.ragged * painting.coarse + t.ragged_fine * c.wobble[3])
    ears = c.region["ears"] if p.style != "long" else 0 * c.x
    outer = c.skin * (1 - ramp(t.ears, ears))
    buzz = p.style == "buzz"
    edge = t.buzz_edge if buzz else t.edge
    base = c.blur(np.asarray(step(t.start, edge, inside) * outer, np.float32), t.blur)
    shade, amount = (t.buzz_shade, t.buzz_amount) if buzz else (t.shade, t.amount)
    painting.over(painting.hair_colour() * shade, base * amount)
    for layer, tones in zip(style.layers, table("hair").strokes.tones, strict=True):
        _stroke_layer(painting, layer, outer, inside, tones)
    painting.hair = np.maximum(painting.hair, base)
    _shape_hair(painting, base)


def _stroke_layer(
    painting: Painting, layer: Layer, outer: Field, here: Field, tones: tuple[float, float]
) -> None:
    p, t = painting.person, table("hair").strokes
    ragged = t.ragged * layer.at_roots(painting.coarse) + t.uneven * (layer.rank - t.uneven_from)
    inside = _inside(painting, layer.root, ragged)
    visible = ramp(t.visible, inside)
    buzz = p.style == "buzz"
    if p.bald > t.thin_from or buzz:
        visible = visible * ramp(t.thin, inside / t.thin_depth + 0.5 - layer.rank)
    cover = layer.show(np.asarray(visible, np.float32)) * np.maximum(outer, 0.0)
    if p.style == "long":
        cover *= ramp(table("hair").long.edge, here)
    colour = painting.hair_colour()
    bright = float(np.clip(colour.max() * t.bright_gain, 0, t.bright_most))
    low, high = (
        tone + (to - tone) * bright for tone, to in zip(tones, t.bright_tones, strict=True)
    )
    tone = layer.tones(low, high)[..., None]
    painting.over(colour * tone, cover * (t.buzz_amount if buzz else t.amount))


def _shape_hair(painting: Painting, base: Field) -> None:
    """Sheen over the crown of the head and shade towards the nape, so that it reads as a mass."""
    c, p, t = painting.canvas, painting.person, table("hair").mass
    if p.style == "buzz":
        return
    ragged = t.sheen_y + t.sheen_ragged * c.wobble[3]
    band = bump(c.y + t.sheen_slope * c.z, ragged, t.sheen_width)
    volume = t.sheen_volume[0] + t.sheen_volume[1] * p.hair_volume
    painting.colour *= (1 + t.sheen * band * base * volume)[..., None]
    painting.darken(t.low * (ramp(t.low_ramp, c.y) * base), (1, 1, 1))
    if p.style == "long":
        parting = bump(c.x, t.parting_ragged * c.wobble[3], t.parting_width)
        parting = parting * ramp(t.parting_y, c.y) * base * ramp(t.parting_z, c.z)
        painting.darken(parting * t.parting, (1, 1, 1))
