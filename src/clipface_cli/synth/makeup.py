"""Eye shadow, liner, rouge, and the foundation of dolls."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.fields import step, to_linear
from clipface_cli.synth.sketch import Sketch


def paint_makeup(sketch: Sketch) -> None:
    """Everything worn on the skin but lipstick and the lash line."""
    _shadow(sketch)
    _liner(sketch)
    _rouge(sketch)


def _shadow(sketch: Sketch) -> None:
    c, p = sketch.canvas, sketch.person
    if p.eyeshadow < 0.02:
        return
    reach = 0.0125 + 0.005 * p.eyeshadow
    amount = step(reach, 0.004, c.lash - 0.004 * step(0.034, 0.048, c.side))
    amount *= step(-0.0012, 0.001, c.lash_height + 0.001 * step(0.042, 0.046, c.side))
    amount *= c.front * step(0.026, 0.014, c.y)
    amount *= (0.8 + 0.2 * c.wobble[6]) * p.eyeshadow * 0.9
    sketch.over(to_linear(p.colour("eyeshadow")), amount)
    strong = max(0.0, p.eyeshadow - 0.6) * 1.4
    below = step(0.006, 0.001, c.lash) * (1 - c.upper_lash) * c.front * strong
    sketch.over(to_linear(p.colour("eyeshadow")), below * 0.7)


def _liner(sketch: Sketch) -> None:
    c, p = sketch.canvas, sketch.person
    if p.liner < 0.02:
        return
    outer = step(0.032, 0.044, c.side)
    line = step(0.0024, 0.0012, c.lash - 0.0009 * outer) * c.upper_lash
    _, corner = c.eye_corners[1]
    dx, dy = c.side - float(corner[0]), c.y - float(corner[1])
    along = 0.85 * dx + 0.53 * dy
    across = -0.53 * dx + 0.85 * dy
    wing = step(0.0014, 0.0004, np.abs(across - 0.0006)) * step(0.0095, 0.005, along)
    wing *= step(-0.002, 0.0, along) * step(0.45, 0.8, p.liner)
    amount = np.maximum(line, wing) * c.front
    amount = np.maximum(amount, 0.5 * step(0.0016, 0.0006, c.lash) * c.front) * p.liner
    sketch.darken(np.clip(amount, 0, 1) * 0.93, (1, 1, 1))


def _rouge(sketch: Sketch) -> None:
    c, p = sketch.canvas, sketch.person
    if p.blush < 0.02:
        return
    lift = c.y + 0.030 - 0.5 * (c.side - 0.046)
    amount = np.exp(-(((c.side - 0.046) / 0.018) ** 2 + (lift / 0.013) ** 2))
    amount *= c.skin * step(-0.07, -0.04, c.z) * (0.9 + 0.2 * c.wobble[0]) * p.blush * 0.55
    rose = np.array([1.0, 0.42, 0.46], np.float32)
    sketch.over(sketch.colour * rose, np.clip(amount, 0, 0.9))
