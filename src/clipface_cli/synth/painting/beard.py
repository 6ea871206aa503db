"""Stubble, beard and moustache from canonical strokes."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, curve, noise, ramp
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.painting.strokes import Layer, trace
from clipface_cli.synth.tables import Table, table


class Beard:
    """Regions (R, R) where beards grow, and their traced strokes."""

    def __init__(self, canvas: Canvas) -> None:
        c, t = canvas, table("beard").region
        grow = _region(c, t)
        uneven = np.clip(t.uneven[0] + t.uneven[1] * c.wobble[0], 0, 1)
        self.region = np.asarray(grow * uneven, np.float32)
        self.moustache = np.asarray(ramp(t.side, c.side) * ramp(t.moustache, c.y), np.float32)
        chin = ramp(t.side, c.side) * ramp(t.chin, c.y)
        corner = ramp(t.corner_outer, c.side) * ramp(t.corner_inner, c.side)
        self.chin = np.asarray(np.maximum(chin, corner * ramp(t.corner, c.y)), np.float32)
        self.soft = c.blur(self.region, t.blur)
        direction, density = _direction(c), np.clip(self.region, 0, 1)
        self.stubble, *_ = _traced(c, density, direction, table("beard").stubble, 1)
        self.layers = _traced(c, density, direction, table("beard").strokes, 3)


def _traced(c: Canvas, region: Field, direction: Field, t: Table, layers: int) -> list[Layer]:
    bends = {"jitter": t.jitter, "curl": t.curl}
    return [
        trace(c, region, direction, t.count, t.length, t.layout + k, **bends) for k in range(layers)
    ]


def _region(c: Canvas, t: Table) -> Field:
    """Share (R, R) of the hair that may grow."""
    line = curve(c.side, t.line_at, t.line) + t.line_ragged * c.wobble[0]
    back = -c.z
    low = curve(back, t.low_at, t.low)
    grow = ramp(t.line_ramp, c.y - line)
    grow = grow * ramp(t.low_ramp, c.y - low + t.low_ragged * c.wobble[0])
    grow *= ramp(t.back, back + t.back_ragged * c.wobble[0]) * c.skin
    grow *= 1 - ramp(t.ears, c.region["ears"])
    for bare in (t.philtrum, t.below_lip):
        grow *= 1 - bare.amount * bump(c.side, *bare.side) * bump(c.y, *bare.y)
    return np.asarray(grow)


def _direction(c: Canvas) -> Field:
    t = table("beard").flow
    sweep = t.cheeks * ramp(t.cheeks_ramp, c.side) + t.moustache * ramp(t.moustache_ramp, c.y)
    stray = [noise(c.position, t.disorder_size, t.disorder_layout + k, 2) for k in range(2)]
    out = np.zeros_like(c.position)
    out[..., 0] = np.tanh(c.x / t.parting) * sweep + t.disorder * stray[0]
    out[..., 1] = -1 + t.disorder * stray[1]
    out[..., 2] = t.back * ramp(t.back_ramp, c.side)
    return c.tangent(out)


def paint_beard(painting: Painting) -> None:
    """Shadow of shaved hair, stubble dots, then the strokes of a grown beard."""
    p, t = painting.person, table("beard")
    if max(p.stubble, p.beard, p.moustache) < t.shade.least:
        return
    beard = painting.canvas.once(Beard)
    off_lips = 1 - ramp(t.shade.lips, painting.lips)
    chin, moustache = beard.chin, beard.moustache
    cheeks = np.clip(1 - chin - moustache, 0, 1)
    grown = p.beard * (chin + cheeks * p.beard_cheeks) * (1 - moustache) + p.moustache * moustache
    grown = np.clip(grown, 0, 1) * off_lips
    stubble = np.asarray(p.stubble * off_lips, np.float32)
    _shade(painting, beard, np.asarray(grown, np.float32), stubble)
    _dots(painting, beard.stubble, np.maximum(stubble, t.stubble.of_beard * grown))
    for layer, tones in zip(beard.layers, t.strokes.tones, strict=True):
        _strokes(painting, layer, np.asarray(grown, np.float32), tones)
    hair = np.asarray(grown * beard.soft * t.shade.hair, np.float32)
    painting.hair = np.maximum(painting.hair, hair)


def _shade(painting: Painting, beard: Beard, grown: Field, stubble: Field) -> None:
    t = table("beard").shade
    blue = np.array(t.blue, np.float32) * max(0.0, 1 - painting.person.melanin)
    amount = beard.soft * (t.stubble * stubble + t.beard * grown**t.beard_power)
    painting.over(painting.hair_colour() * t.darker + blue, np.clip(amount, 0, t.most))


def _dots(painting: Painting, layer: Layer, density: Field) -> None:
    t = table("beard").stubble
    at = layer.at_roots(density)
    cover = layer.show(ramp(t.visible, layer.rank - t.dense * at) * (at > t.least))
    painting.over(painting.hair_colour() * layer.tones(*t.tones)[..., None], cover * t.amount)


def _strokes(painting: Painting, layer: Layer, grown: Field, tones: tuple[float, float]) -> None:
    """Strokes of one depth; the length grows with the beard."""
    p, t = painting.person, table("beard").strokes
    at = layer.at_roots(grown)
    visible = ramp(t.visible, layer.rank - t.dense * at) * (at > t.least)
    length = float(np.clip(t.grown[0] + t.grown[1] * max(p.beard, p.moustache), 0, 1))
    cover = layer.show(np.asarray(visible, np.float32), length)
    off_lips = 1 - t.off_lips * painting.lips
    tone = layer.tones(*tones)[..., None]
    painting.over(painting.hair_colour() * tone, cover * t.amount * off_lips)
