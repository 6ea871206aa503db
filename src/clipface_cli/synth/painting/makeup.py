"""Eye shadow, liner and rouge."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.fields import ramp, step, to_linear
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table


def paint_makeup(painting: Painting) -> None:
    """All make-up but lipstick and the lash line."""
    _shadow(painting)
    _liner(painting)
    _rouge(painting)


def _shadow(painting: Painting) -> None:
    c, p, t = painting.canvas, painting.person, table("makeup").eyeshadow
    if p.eyeshadow < t.least:
        return
    reach = t.reach[0] + t.reach[1] * p.eyeshadow
    amount = step(reach, t.full, c.lash - t.outward * ramp(t.outward_ramp, c.side))
    amount *= ramp(t.above, c.lash_height + t.corner * ramp(t.corner_ramp, c.side))
    amount *= c.front * ramp(t.top, c.y)
    amount *= (t.uneven[0] + t.uneven[1] * c.wobble[6]) * p.eyeshadow * t.amount
    painting.over(to_linear(p.colour("eyeshadow")), amount)
    strong = max(0.0, p.eyeshadow - t.below_from) * t.below_gain
    below = ramp(t.below_ramp, c.lash) * (1 - c.upper_lash) * c.front * strong
    painting.over(to_linear(p.colour("eyeshadow")), below * t.below_amount)


def _liner(painting: Painting) -> None:
    c, p, t = painting.canvas, painting.person, table("makeup").liner
    if p.liner < t.least:
        return
    line = ramp(t.width, c.lash - t.wider * ramp(t.outer, c.side)) * c.upper_lash
    _, corner = c.eye_corners[1]
    dx, dy = c.side - float(corner[0]), c.y - float(corner[1])
    cosine, sine = t.direction
    along, across = cosine * dx + sine * dy, -sine * dx + cosine * dy
    wing = ramp(t.wing_width, np.abs(across - t.wing_offset)) * ramp(t.wing_end, along)
    wing *= ramp(t.wing_start, along) * ramp(t.wing_ramp, p.liner)
    amount = np.maximum(line, wing) * c.front
    amount = np.maximum(amount, t.below * ramp(t.below_width, c.lash) * c.front) * p.liner
    painting.darken(np.clip(amount, 0, 1) * t.amount, (1, 1, 1))


def _rouge(painting: Painting) -> None:
    c, p, t = painting.canvas, painting.person, table("makeup").rouge
    if p.blush < t.least:
        return
    lift = c.y - t.y - t.slope * (c.side - t.side)
    amount = np.exp(-(((c.side - t.side) / t.half_width) ** 2 + (lift / t.half_height) ** 2))
    uneven = t.uneven[0] + t.uneven[1] * c.wobble[0]
    amount *= c.skin * ramp(t.front, c.z) * uneven * p.blush * t.amount
    rose = np.array(t.colour, np.float32)
    painting.over(painting.colour * rose, np.clip(amount, 0, t.most))
