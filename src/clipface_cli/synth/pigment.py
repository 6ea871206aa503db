"""Skin colour from melanin and haemoglobin, with blotches, freckles, spots and moles."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, step
from clipface_cli.synth.sketch import Sketch

# Linear reflectance without pigment and absorption per unit of each pigment.
BASE = np.array([0.90, 0.70, 0.56], np.float32)
MELANIN = np.array([0.75, 0.90, 1.01], np.float32) * 2.75
HAEMOGLOBIN = np.array([0.22, 1.0, 0.82], np.float32) * 0.55
CAROTENE = np.array([0.0, 0.10, 0.45], np.float32)

_MOLE_COUNT = 26


def skin_colour(melanin: Field, haemoglobin: Field, carotene: Field | float) -> Field:
    """Linear reflectance (..., 3) of skin."""
    density = np.asarray(melanin)[..., None] * MELANIN
    density = density + np.clip(haemoglobin, 0, 3)[..., None] * HAEMOGLOBIN
    density = density + np.asarray(carotene, np.float32)[..., None] * CAROTENE
    return np.asarray(BASE * np.exp(-density), np.float32)


class Zones:
    """Regions of the face in which blood and pigment differ, as soft masks (R, R)."""

    def __init__(self, canvas: Canvas) -> None:
        c = canvas
        self.cheeks = np.exp(-(((c.side - 0.040) / 0.017) ** 2 + ((c.y + 0.034) / 0.015) ** 2))
        self.cheeks = self.cheeks * c.front
        self.nose = bump(c.side, 0, 0.0125) * bump(c.y, -0.036, 0.013) * step(0.022, 0.032, c.z)
        self.wings = bump(c.side, 0.0145, 0.006) * bump(c.y, -0.040, 0.008) * c.front
        self.ears = c.region["ears"] * c.skin * step(0.066, 0.070, c.side)
        self.chin = bump(c.side, 0, 0.016) * bump(c.y, -0.098, 0.012) * c.front
        self.forehead = step(0.025, 0.045, c.y) * step(-0.06, -0.03, c.z)
        self.under_eye = c.front * np.exp(
            -(((c.side - 0.028) / 0.012) ** 2 + ((c.y + 0.0145) / 0.006) ** 2)
        )
        near = c.front * step(0.011, 0.002, c.lash)
        self.upper_lid = near * step(-0.0005, 0.0005, c.lash_height)
        self.lower_lid = near * step(0.0005, -0.0005, c.lash_height)
        self.neck = step(-0.105, -0.15, c.y)
        self.mouth_corners = bump(c.mouth, 0, 0.006) * c.skin


def zones(canvas: Canvas) -> Zones:
    """The zones of a canvas, made once."""
    return canvas.once(Zones)


def paint_skin(sketch: Sketch) -> None:
    """Lay the skin, everywhere."""
    melanin = _melanin(sketch)
    carotene = 0.25 + 0.2 * zones(sketch.canvas).forehead + 0.2 * sketch.person.yellow
    sketch.colour[:] = skin_colour(melanin, _haemoglobin(sketch), carotene)
    z, p = zones(sketch.canvas), sketch.person
    sketch.darken(z.under_eye * (0.16 * p.dark_circles), (1.0, 0.8, 0.45))


def _haemoglobin(sketch: Sketch) -> Field:
    p, z, c = sketch.person, zones(sketch.canvas), sketch.canvas
    blood = p.haemoglobin + p.flush * z.cheeks * (1 + 0.4 * sketch.medium)
    blood += p.flush * (0.9 * z.nose + 0.8 * z.wings + 1.1 * z.ears + 0.4 * z.chin)
    blood += 0.10 * z.upper_lid + 0.14 * z.lower_lid - 0.05 * z.forehead
    blood += 0.12 * sketch.coarse + 0.11 * sketch.medium + 0.09 * sketch.fine
    veins = step(0.90, 0.99, 1 - np.abs(c.wobble[4])) * (z.cheeks + 0.8 * z.wings)
    blood += 0.2 * (0.2 + 0.9 * p.age) * veins
    return np.asarray(blood / (1 + 0.6 * p.melanin), np.float32)


def _melanin(sketch: Sketch) -> Field:
    p, z, c = sketch.person, zones(sketch.canvas), sketch.canvas
    damp = 1 / (1 + 1.2 * p.melanin)
    pigment = p.melanin * (
        1 + (0.09 * sketch.coarse + 0.08 * sketch.medium) * damp + 0.05 * sketch.fine
    )
    pigment *= 1 + 0.10 * z.forehead - 0.06 * z.cheeks - 0.03 * z.nose
    lids = c.skin * step(0.012, 0.003, c.lash)
    pigment += (0.022 + 0.05 * p.melanin) * lids
    pigment += (0.03 + 0.06 * p.melanin) * p.dark_circles * z.under_eye
    pigment += 0.05 * p.melanin * z.mouth_corners
    pigment += _freckles(sketch) + _spots(sketch) + (0.42 + 0.3 * p.melanin) * _moles(sketch)
    return np.asarray(pigment, np.float32)


def _freckles(sketch: Sketch) -> Field:
    """Every cell holds one freckle of fixed rank; the amount decides which show."""
    p, z, c = sketch.person, zones(sketch.canvas), sketch.canvas
    if p.freckles < 0.02:
        return np.zeros_like(c.x)
    distance, rank = c.freckle_cells[..., 0], c.freckle_cells[..., 2]
    radius = 0.20 + 0.22 * np.mod(rank * 7, 1)
    dot = step(radius + 0.12, radius - 0.10, distance)
    bridge = np.exp(-((c.side / 0.03) ** 2 + ((c.y + 0.02) / 0.016) ** 2)) * c.front
    zone = np.clip(1.2 * z.cheeks + bridge + 0.22 * c.front, 0, 1)
    shown = step(0.08, -0.08, rank - (0.2 + 0.75 * p.freckles) * zone)
    zone = (0.4 + 0.6 * zone) * step(-0.12, -0.10, c.y)
    return np.asarray(0.20 * p.freckles**0.5 * dot * shown * zone, np.float32)


def _spots(sketch: Sketch) -> Field:
    """Age spots."""
    p, c = sketch.person, sketch.canvas
    amount = step(0.5, 1, p.age) * 0.10
    if amount < 0.005:
        return np.zeros_like(c.x)
    distance, rank = c.spot_cells[..., 0], c.spot_cells[..., 2]
    radius = 0.12 + 0.18 * np.mod(rank * 11, 1)
    return np.asarray(
        amount * step(radius + 0.2, radius - 0.06, distance + 0.14 * sketch.medium) * (rank < 0.3),
        np.float32,
    )


class _Moles:
    """Canonical moles: place, size, rank, and how far each of four latents brings it out."""

    def __init__(self, canvas: Canvas) -> None:
        generator = np.random.default_rng(11)
        c = canvas
        allowed = (c.front > 0.9) & c.inner & (c.y > -0.10) & (c.y < 0.06) & (c.z > -0.03)
        allowed &= (c.mouth > 0.014) & (c.lash > 0.007)
        places = c.position[allowed]
        places = places[np.lexsort(places.T.round(4))]
        self.masks: list[tuple[NDIndex, Field]] = []
        self.loads = generator.normal(size=(_MOLE_COUNT, 4)).astype(np.float32)
        self.ranks = np.linspace(0.1, 1.1, _MOLE_COUNT)
        for _ in range(_MOLE_COUNT):
            target = np.array([generator.uniform(-0.06, 0.06), generator.uniform(-0.1, 0.055)])
            place = places[np.linalg.norm(places[:, :2] - target, axis=1).argmin()]
            radius = generator.uniform(0.0007, 0.0014)
            distance = np.linalg.norm(c.position - place, axis=-1)
            index = np.nonzero(distance < 2 * radius + 0.0006)
            blot = step(radius * 1.25 + 0.0004, radius * 0.5, distance[index])
            self.masks.append((index, blot * generator.uniform(0.6, 1)))


NDIndex = tuple[np.ndarray, ...]


def _moles(sketch: Sketch) -> Field:
    p, canvas = sketch.person, sketch.canvas
    moles = canvas.once(_Moles)
    out = np.zeros_like(canvas.x)
    score = moles.loads @ np.array([p.mole_1, p.mole_2, p.mole_3, p.mole_4], np.float32)
    shown = step(-0.05, 0.15, p.moles + 0.22 * score - moles.ranks)
    for (index, blot), amount in zip(moles.masks, shown, strict=True):
        if amount > 0:
            out[index] = np.maximum(out[index], blot * amount)
    return out
