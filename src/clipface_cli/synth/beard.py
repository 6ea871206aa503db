"""Stubble, beard and moustache from canonical strokes."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, curve, noise, step
from clipface_cli.synth.sketch import Sketch
from clipface_cli.synth.strokes import Layer, trace

_LINE_AT = np.array([0, 0.012, 0.020, 0.030, 0.045, 0.058, 0.066, 0.075, 0.09])
_LINE = np.array([-0.0465, -0.0475, -0.052, -0.058, -0.052, -0.036, -0.02, -0.005, 0.0])


class Beard:
    """Where beards grow, and their traced strokes."""

    def __init__(self, canvas: Canvas) -> None:
        c = canvas
        line = curve(c.side, _LINE_AT, _LINE) + 0.004 * c.wobble[0]
        back = -c.z
        low = curve(back, [-0.03, 0, 0.03, 0.06, 0.08], [-0.125, -0.122, -0.112, -0.080, -0.05])
        grow = step(0.006, -0.006, c.y - line) * step(
            -0.008, 0.006, c.y - low + 0.006 * c.wobble[0]
        )
        grow *= step(0.078, 0.070, back + 0.01 * c.wobble[0]) * c.skin
        grow *= 1 - step(0.2, 0.5, c.region["ears"])
        grow *= 1 - 0.75 * bump(c.side, 0, 0.0045) * bump(c.y, -0.052, 0.005)
        grow *= 1 - 0.55 * bump(c.side, 0.021, 0.005) * bump(c.y, -0.082, 0.006)
        self.region = np.asarray(grow * np.clip(0.85 + 0.3 * c.wobble[0], 0, 1), np.float32)
        lip_top = step(0.034, 0.026, c.side) * step(-0.073, -0.067, c.y)
        self.moustache = np.asarray(lip_top, np.float32)
        chin = step(0.034, 0.026, c.side) * step(-0.066, -0.074, c.y)
        corner = step(0.034, 0.027, c.side) * step(0.016, 0.022, c.side)
        self.chin = np.asarray(np.maximum(chin, corner * step(-0.064, -0.070, c.y)), np.float32)
        self.soft = c.blur(self.region, 3)
        direction = self._direction(c)
        density = np.clip(self.region, 0, 1)
        self.stubble = trace(c, density, direction, 9000, 0.0012, 81, jitter=0.5, curl=0.02)
        self.layers = [
            trace(c, density, direction, 5200, 0.0115, 82 + k, jitter=0.28, curl=0.03)
            for k in range(3)
        ]

    def _direction(self, c: Canvas) -> Field:
        sweep = 0.35 * step(0.05, 0.02, c.side) + 0.9 * step(-0.070, -0.064, c.y)
        out = np.zeros_like(c.position)
        out[..., 0] = np.tanh(c.x / 0.012) * sweep + 0.25 * noise(c.position, 0.006, 65, 2)
        out[..., 1] = -1 + 0.25 * noise(c.position, 0.006, 66, 2)
        out[..., 2] = -0.5 * step(0.03, 0.07, c.side)
        return c.tangent(out)


def paint_beard(sketch: Sketch) -> None:
    """Shadow of shaved hair, stubble dots, then the strokes of a grown beard."""
    p = sketch.person
    if max(p.stubble, p.beard, p.moustache) < 0.02:
        return
    beard = sketch.canvas.once(Beard)
    off_lips = 1 - step(0.1, 0.6, sketch.lips)
    chin, moustache = beard.chin, beard.moustache
    cheeks = np.clip(1 - chin - moustache, 0, 1)
    grown = p.beard * (chin + cheeks * p.beard_cheeks) * (1 - moustache) + p.moustache * moustache
    grown = np.clip(grown, 0, 1) * off_lips
    stubble = np.asarray(p.stubble * off_lips, np.float32)
    _shade(sketch, beard, np.asarray(grown, np.float32), stubble)
    _dots(sketch, beard.stubble, np.maximum(stubble, 0.6 * grown))
    for k, layer in enumerate(beard.layers):
        _strokes(sketch, layer, np.asarray(grown, np.float32), k)
    sketch.hair = np.maximum(sketch.hair, np.asarray(grown * beard.soft * 0.8, np.float32))


def _shade(sketch: Sketch, beard: Beard, grown: Field, stubble: Field) -> None:
    hair = sketch.hair_colour()
    blue = np.array([0.012, 0.016, 0.022], np.float32) * max(0.0, 1 - sketch.person.melanin)
    amount = beard.soft * (0.30 * stubble + 0.62 * grown**0.8)
    sketch.over(hair * 0.6 + blue, np.clip(amount, 0, 0.85))


def _dots(sketch: Sketch, layer: Layer, density: Field) -> None:
    at = layer.at_roots(density)
    cover = layer.show(step(0.04, -0.04, layer.rank - 0.9 * at) * (at > 0.02))
    tone = layer.tones(0.5, 0.9)[..., None]
    sketch.over(sketch.hair_colour() * tone, cover * 0.5)


def _strokes(sketch: Sketch, layer: Layer, grown: Field, depth: int) -> None:
    """Strokes of one depth; the length grows with the beard."""
    at = layer.at_roots(grown)
    visible = step(0.06, -0.06, layer.rank - 1.15 * at) * (at > 0.05)
    length = float(np.clip(0.35 + 0.7 * max(sketch.person.beard, sketch.person.moustache), 0, 1))
    cover = layer.show(np.asarray(visible, np.float32), length)
    off_lips = 1 - 0.85 * sketch.lips
    low, high = ((0.35, 0.8), (0.55, 1.3), (0.8, 2.1))[depth]
    tone = layer.tones(low, high)[..., None]
    sketch.over(sketch.hair_colour() * tone, cover * 0.75 * off_lips)
