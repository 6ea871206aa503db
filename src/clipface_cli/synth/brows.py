"""Brows as strokes in a strip along the brow; thickness, arch and tilt bend the strip."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter, map_coordinates

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, curve, step, to_linear
from clipface_cli.synth.sketch import Sketch

# Height of the brow's middle and half its thickness along the distance from the nose, metres.
_AT = np.array([0.0085, 0.012, 0.02, 0.028, 0.036, 0.044, 0.050, 0.056])
_MIDDLE = np.array([0.0208, 0.0211, 0.0216, 0.0220, 0.0220, 0.0212, 0.0196, 0.0172])
_HALF = np.array([0.0022, 0.0034, 0.0040, 0.0038, 0.0031, 0.0023, 0.0015, 0.0005])
_LEAN = np.array([80, 55, 30, 12, -14, -32])
_LEAN_AT = np.array([0.008, 0.014, 0.022, 0.032, 0.044, 0.056])

# The strip: 6..60 mm along, -2..2 half thicknesses across.
_ALONG, _ACROSS = (0.006, 0.060), (-2.0, 2.0)
_WIDTH, _HEIGHT = 432, 96
_STROKES = 520
_LEVELS = 4


def _strip(seed: int) -> Field:
    """Cover of the first 1/4, 2/4 ... of the strokes, and their tone: (levels + 1, H, W)."""
    generator = np.random.default_rng(seed)
    along = generator.uniform(_AT[0], _AT[-1], _STROKES)
    along = along[generator.random(_STROKES) < np.interp(along, _AT, _HALF) / 0.003]
    across = np.clip(generator.normal(0, 0.52, len(along)), -1.1, 1.1)
    cover = np.zeros((_HEIGHT, _WIDTH), np.float32)
    tone = np.full_like(cover, 0.9)
    levels = []
    ends = [len(along) * (k + 1) // _LEVELS for k in range(_LEVELS)]
    for s, (start, offset) in enumerate(zip(along, across, strict=True)):
        _draw_stroke(cover, tone, start, offset, generator)
        if s + 1 in ends:
            levels.append(np.clip(2.4 * gaussian_filter(cover, (1.1, 1.6)), 0, 1))
    return np.stack([*levels, gaussian_filter(tone, (1.0, 1.6))]).astype(np.float32)


def _draw_stroke(
    cover: Field, tone: Field, start: float, offset: float, generator: np.random.Generator
) -> None:
    length = np.interp(start, [0.008, 0.016, 0.03, 0.056], [0.0042, 0.0058, 0.0072, 0.0048])
    length *= generator.uniform(0.65, 1.2)
    t = np.arange(0, length, 0.00006)
    fade = np.minimum(1, (1 - t / length) * 2.2) * 0.8
    lean = np.radians(np.interp(start + 0.5 * t, _LEAN_AT, _LEAN) + generator.normal(0, 6))
    lean -= np.radians(22) * offset * step(0.010, 0.02, start)
    half = np.interp(start, _AT, _HALF)
    x = start + np.cumsum(np.cos(lean)) * 0.00006
    y = offset + np.cumsum(np.sin(lean)) * 0.00006 / max(half, 0.0015) * 0.55
    columns = (x - _ALONG[0]) / (_ALONG[1] - _ALONG[0]) * _WIDTH
    rows = (y - _ACROSS[0]) / (_ACROSS[1] - _ACROSS[0]) * _HEIGHT
    inside = (columns >= 0) & (columns < _WIDTH) & (rows >= 0) & (rows < _HEIGHT)
    i, j, a = rows[inside].astype(int), columns[inside].astype(int), fade[inside]
    shade = generator.uniform(0.5, 1.6)
    new = a > cover[i, j] * 0.6
    tone[i[new], j[new]] = shade
    cover[i, j] = np.maximum(cover[i, j], a)


def _strips(canvas: Canvas) -> tuple[Field, Field]:
    return _strip(21), _strip(22)


def brow_coordinates(sketch: Sketch) -> tuple[Field, Field, Field]:
    """Distance from the nose, offset in half thicknesses, and half thickness, each (R, R)."""
    c, p = sketch.canvas, sketch.person
    side = c.side
    middle = curve(side, _AT, _MIDDLE) + 0.0030 * p.brow_arch * bump(side, 0.039, 0.012)
    middle += p.brow_tilt * (side - 0.03) + 0.0006 * c.wobble[0] + 0.0014 * (1 - p.sex)
    half = curve(side, _AT, _HALF) * p.brow_thickness
    return side, np.asarray((c.y - middle) / np.maximum(half, 3e-4), np.float32), half


def paint_brows(sketch: Sketch) -> None:
    """Soft base under strokes, left and right from two different strips."""
    c, p = sketch.canvas, sketch.person
    if p.brow_density < 0.02:
        return
    along, across, half = brow_coordinates(sketch)
    zone = step(0.0065, 0.0145, along) * step(0.059, 0.054, along) * c.front * (half > 2e-4)
    zone = np.asarray(zone * (np.abs(across) < 2), np.float32)
    colour = to_linear(p.colour("brow"))
    soft = c.blur(np.asarray(zone * step(1.15, 0.5, np.abs(across)), np.float32), 2.5)
    sketch.over(colour * 0.9, soft * (0.55 * p.brow_density))
    cover, tone = _sample(sketch, along, across)
    cover = cover * zone
    thin = np.clip(half / 0.0016, 0.3, 1)
    amount = np.clip(cover * 1.15, 0, 1) * 0.88 * thin
    sketch.over(colour * 0.8 * tone[..., None], amount)
    sketch.hair = np.maximum(sketch.hair, 0.5 * soft)


def _sample(sketch: Sketch, along: Field, across: Field) -> tuple[Field, Field]:
    """Cover and tone (R, R) at a density between the strips' levels."""
    c = sketch.canvas
    rows, columns = np.nonzero((np.abs(across) < 2) & (along < _ALONG[1]) & (c.front > 0))
    u = (along[rows, columns] - _ALONG[0]) / (_ALONG[1] - _ALONG[0]) * _WIDTH - 0.5
    v = (across[rows, columns] - _ACROSS[0]) / (_ACROSS[1] - _ACROSS[0]) * _HEIGHT - 0.5
    level = np.clip(sketch.person.brow_density, 0, 1) * _LEVELS - 1
    low = int(np.clip(np.floor(level), 0, _LEVELS - 2))
    share = np.clip(level - low, 0, 1)
    cover, tone = np.zeros_like(along), np.ones_like(along)
    for sign, strip in zip((-1, 1), c.once(_strips), strict=True):
        here = c.x[rows, columns] * sign > 0
        at = np.stack([v[here], u[here]])
        sampled = [map_coordinates(strip[k], at, order=1) for k in (low, low + 1, _LEVELS)]
        where = rows[here], columns[here]
        cover[where] = sampled[0] * (1 - share) + sampled[1] * share
        tone[where] = sampled[2]
    return cover, tone
