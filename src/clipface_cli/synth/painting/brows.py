"""Brows as strokes in a strip along the brow; thickness, arch and tilt bend the strip."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, curve, ramp, to_linear
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table


def _strip(layout: int) -> Field:
    """Cover of the first 1/4, 2/4 ... of the strokes, and their tone: (levels + 1, H, W)."""
    t, line = table("brows").strip, table("brows").line
    generator = np.random.default_rng(layout)
    along = generator.uniform(line.at[0], line.at[-1], t.strokes)
    share = np.interp(along, line.at, line.half) / t.full_half
    along = along[generator.random(t.strokes) < share]
    across = np.clip(generator.normal(0, t.spread, len(along)), -t.widest, t.widest)
    cover = np.zeros((t.height, t.width), np.float32)
    tone = np.full_like(cover, t.tone)
    levels = []
    ends = [len(along) * (k + 1) // t.levels for k in range(t.levels)]
    for s, (start, offset) in enumerate(zip(along, across, strict=True)):
        _draw_stroke(cover, tone, start, offset, generator)
        if s + 1 in ends:
            levels.append(np.clip(t.contrast * gaussian_filter(cover, t.blur), 0, 1))
    return np.stack([*levels, gaussian_filter(tone, t.tone_blur)]).astype(np.float32)


def _draw_stroke(
    cover: Field, tone: Field, start: float, offset: float, generator: np.random.Generator
) -> None:
    t, strip, line = table("brows").strokes, table("brows").strip, table("brows").line
    length = np.interp(start, t.length_at, t.length)
    length *= generator.uniform(*t.varied)
    done = np.arange(0, length, t.stride)
    fade = np.minimum(1, (1 - done / length) * t.fade) * t.amount
    degrees = np.interp(start + 0.5 * done, t.lean_at, t.lean)
    lean = np.radians(degrees + generator.normal(0, t.lean_varied))
    lean -= np.radians(t.converge) * offset * ramp(t.converge_ramp, start)
    half = np.interp(start, line.at, line.half)
    x = start + np.cumsum(np.cos(lean)) * t.stride
    y = offset + np.cumsum(np.sin(lean)) * t.stride / max(half, t.thinnest) * t.squeeze
    columns, rows = _texel(x, strip.along, strip.width), _texel(y, strip.across, strip.height)
    inside = (columns >= 0) & (columns < strip.width) & (rows >= 0) & (rows < strip.height)
    i, j, a = rows[inside].astype(int), columns[inside].astype(int), fade[inside]
    shade = generator.uniform(*t.tones)
    new = a > cover[i, j] * t.over
    tone[i[new], j[new]] = shade
    cover[i, j] = np.maximum(cover[i, j], a)


def _texel(values: Field, ends: tuple[float, float], size: int) -> Field:
    """Texels along a side of the strip at values between the strip's ends."""
    return np.asarray((values - ends[0]) / (ends[1] - ends[0]) * size)


def _strips(canvas: Canvas) -> tuple[Field, Field]:
    left, right = table("brows").strip.layouts
    return _strip(left), _strip(right)


def brow_coordinates(painting: Painting) -> tuple[Field, Field, Field]:
    """Distance from the nose, offset in half thicknesses, and half thickness, each (R, R)."""
    c, p, t = painting.canvas, painting.person, table("brows").line
    side = c.side
    middle = curve(side, t.at, t.middle) + t.arch * p.brow_arch * bump(side, *t.arch_band)
    middle += p.brow_tilt * (side - t.tilt_at) + t.ragged * c.wobble[0] + t.woman * (1 - p.sex)
    half = curve(side, t.at, t.half) * p.brow_thickness
    return side, np.asarray((c.y - middle) / np.maximum(half, t.thinnest), np.float32), half


def paint_brows(painting: Painting) -> None:
    """Soft base under strokes, left and right from two different strips."""
    c, p, t = painting.canvas, painting.person, table("brows").colour
    if p.brow_density < t.least:
        return
    along, across, half = brow_coordinates(painting)
    zone = ramp(t.start, along) * ramp(t.end, along) * c.front * (half > t.thinnest)
    zone = np.asarray(zone * (np.abs(across) < table("brows").strip.across[1]), np.float32)
    colour = to_linear(p.colour("brow"))
    soft = np.asarray(zone * ramp(t.base_edge, np.abs(across)), np.float32)
    soft = c.blur(soft, t.base_blur)
    painting.over(colour * t.base, soft * (t.base_amount * p.brow_density))
    cover, tone = _sample(painting, along, across)
    cover = cover * zone
    thin = np.clip(half / t.thin_half, t.thin_least, 1)
    amount = np.clip(cover * t.cover, 0, 1) * t.amount * thin
    painting.over(colour * t.shade * tone[..., None], amount)
    painting.hair = np.maximum(painting.hair, t.hair * soft)


def _sample(painting: Painting, along: Field, across: Field) -> tuple[Field, Field]:
    """Cover and tone (R, R) at a density between the strips' levels."""
    c, t = painting.canvas, table("brows").strip
    near = (np.abs(across) < t.across[1]) & (along < t.along[1]) & (c.front > 0)
    rows, columns = np.nonzero(near)
    u = _texel(along[rows, columns], t.along, t.width) - 0.5
    v = _texel(across[rows, columns], t.across, t.height) - 0.5
    level = np.clip(painting.person.brow_density, 0, 1) * t.levels - 1
    low = int(np.clip(np.floor(level), 0, t.levels - 2))
    share = np.clip(level - low, 0, 1)
    cover, tone = np.zeros_like(along), np.ones_like(along)
    for sign, strip in zip((-1, 1), c.once(_strips), strict=True):
        here = c.x[rows, columns] * sign > 0
        at = np.stack([v[here], u[here]])
        sampled = [map_coordinates(strip[k], at, order=1) for k in (low, low + 1, t.levels)]
        where = rows[here], columns[here]
        cover[where] = sampled[0] * (1 - share) + sampled[1] * share
        tone[where] = sampled[2]
    return cover, tone
