"""Lips as an analytic outline in canonical coordinates, with creases and lipstick."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, curve, noise, ramp, step, to_linear
from clipface_cli.synth.painting.pigment import skin_colour
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table


def lip_edge(painting: Painting) -> Field:
    """Signed distance (R, R) inside the outline of the lips, metres."""
    c, p, t = painting.canvas, painting.person, table("lips").outline
    drop = c.y - t.line + t.line_drop * (c.side / t.line_width) ** 2
    bow = np.array(t.upper) + np.array(t.bow) * (2 * p.lip_bow - t.bow_flat)
    upper = curve(c.side, np.array(t.upper_at) * t.stretch, bow * p.lip_fullness)
    lower = np.array(t.lower) * p.lip_fullness
    lower = curve(c.side, np.array(t.lower_at) * t.stretch, lower)
    inside = np.where(drop > 0, upper - drop, lower + drop)
    return np.asarray(inside * t.steepness, np.float32)


def lip_zone(painting: Painting) -> Field:
    """1 round the mouth, where lips may lie (R, R)."""
    c, t = painting.canvas, table("lips").outline
    outer, inner = t.half_width + t.zone_outer, t.half_width - t.zone_inner
    inside = step(outer, inner, c.side) * ramp(t.zone_front, c.z)
    return np.asarray(inside * (np.abs(c.y - t.line) < t.zone_height) * c.skin, np.float32)


def paint_lips(painting: Painting) -> None:
    """Lay the natural lips; leaves their mask and creases for lipstick and light."""
    c, p, t = painting.canvas, painting.person, table("lips").colour
    edge, near = lip_edge(painting), lip_zone(painting)
    ragged = t.ragged * c.wobble[3] + t.ragged_fine * c.grain[0]
    painting.lips = np.asarray(ramp(t.edge, edge + ragged) * near, np.float32)
    painting.creases = c.once(_creases)
    blood = p.haemoglobin + p.lip_redness * (1 + t.blotches * painting.medium)
    middle = table("lips").outline.line
    lower = c.y < middle
    blood = blood * np.where(lower, t.lower_blood, t.upper_blood)
    pigment = np.full_like(c.x, p.melanin * t.melanin[1] + t.melanin[0])
    pigment += t.upper_melanin * np.where(lower, 0, 1)
    colour = skin_colour(pigment, blood * t.blood, t.carotene)
    colour *= (1 - t.creases * painting.creases)[..., None]
    border = bump(edge, *t.border_band) * near * (c.y > middle)
    painting.colour *= (1 + t.border * border)[..., None]
    painting.over(colour, painting.lips * t.amount)
    inside = ramp(t.line_inside, c.region["mouth_interior"])
    line = bump(c.mouth, *t.line_band) * near + inside * near
    painting.darken(np.clip(line, 0, 1) * t.line, t.line_channels)


def _creases(canvas: Canvas) -> Field:
    """Upright creases of the lips, 0..1."""
    t = table("lips").creases
    x = canvas.x + t.ragged * canvas.wobble[3]
    total = np.zeros_like(x)
    for scale, amount, layout in t.scales:
        points = np.stack([x / scale, canvas.y / (t.upright * scale), 0 * x], -1)
        total += amount * np.abs(noise(points, 1.0, layout, 2))
    return np.asarray(np.clip(1 - t.contrast * total, 0, 1), np.float32)


def paint_lipstick(painting: Painting) -> None:
    """Cover the lips, with a sharper edge than the natural one."""
    c, p, t = painting.canvas, painting.person, table("lips").lipstick
    if p.lipstick < t.least:
        return
    crisp = ramp(t.edge, lip_edge(painting) + t.wider) * lip_zone(painting)
    cover = np.maximum(crisp, painting.lips) * (t.amount * p.lipstick)
    shade = to_linear(p.colour("lipstick")) * (1 - t.creases * painting.creases)[..., None]
    shine = bump(c.y, *t.shine_band) * ramp(t.shine_side, c.side)
    shade = shade + (t.shine * shine * (1 - t.shine_creases * painting.creases))[..., None]
    painting.over(shade, cover)
