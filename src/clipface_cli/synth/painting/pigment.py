"""Skin colour from melanin and haemoglobin, with blotches, freckles, spots and moles."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, ramp, spot, step
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.tables import table


def skin_colour(melanin: Field, haemoglobin: Field, carotene: Field | float) -> Field:
    """Linear reflectance (..., 3) of skin with amounts (...) of its pigments.

    melanin: about 0.05 pale to 1.05 very dark; haemoglobin 0.16 pale to 0.4 ruddy.
    """
    t = table("skin").pigments
    blood = np.clip(haemoglobin, 0, t.most_haemoglobin)[..., None]
    per_melanin = np.array(t.melanin, np.float32) * t.melanin_density
    per_blood = np.array(t.haemoglobin, np.float32) * t.haemoglobin_density
    density = np.asarray(melanin)[..., None] * per_melanin
    density = density + blood * per_blood
    yellow = np.asarray(carotene, np.float32)[..., None]
    density = density + yellow * np.array(t.carotene, np.float32)
    return np.asarray(np.array(t.base, np.float32) * np.exp(-density), np.float32)


class Zones:
    """Regions of the face in which blood and pigment differ, as soft masks (R, R)."""

    def __init__(self, canvas: Canvas) -> None:
        c, t = canvas, table("skin").zones
        self.cheeks = spot(c.side, c.y, t.cheeks) * c.front
        self.nose = bump(c.side, *t.nose_side) * bump(c.y, *t.nose_y) * ramp(t.nose_front, c.z)
        self.wings = bump(c.side, *t.wings_side) * bump(c.y, *t.wings_y) * c.front
        self.ears = c.region["ears"] * c.skin * ramp(t.ears, c.side)
        self.chin = bump(c.side, *t.chin_side) * bump(c.y, *t.chin_y) * c.front
        self.forehead = ramp(t.forehead, c.y) * ramp(t.forehead_front, c.z)
        self.under_eye = c.front * spot(c.side, c.y, t.under_eye)
        near = c.front * ramp(t.lids, c.lash)
        self.upper_lid = near * step(-t.lid_border, t.lid_border, c.lash_height)
        self.lower_lid = near * step(t.lid_border, -t.lid_border, c.lash_height)
        self.neck = ramp(t.neck, c.y)
        self.mouth_corners = bump(c.mouth, *t.mouth_corners) * c.skin


def zones(canvas: Canvas) -> Zones:
    """The zones of a canvas, made once."""
    return canvas.once(Zones)


def paint_skin(painting: Painting) -> None:
    """Lay the skin, everywhere."""
    z, p, t = zones(painting.canvas), painting.person, table("skin")
    carotene = t.carotene.base + t.carotene.forehead * z.forehead + t.carotene.yellow * p.yellow
    painting.colour[:] = skin_colour(_melanin(painting), _haemoglobin(painting), carotene)
    circles = z.under_eye * (t.dark_circles.amount * p.dark_circles)
    painting.darken(circles, t.dark_circles.channels)


def _haemoglobin(painting: Painting) -> Field:
    p, z, c, t = painting.person, zones(painting.canvas), painting.canvas, table("skin").haemoglobin
    blood = p.haemoglobin + p.flush * z.cheeks * (1 + t.cheek_blotches * painting.medium)
    blood += p.flush * (t.nose * z.nose + t.wings * z.wings + t.ears * z.ears + t.chin * z.chin)
    blood += t.upper_lid * z.upper_lid + t.lower_lid * z.lower_lid + t.forehead * z.forehead
    blood += t.coarse * painting.coarse + t.medium * painting.medium + t.fine * painting.fine
    tubes = ramp(t.veins_ramp, 1 - np.abs(c.wobble[4]))
    veins = tubes * (z.cheeks + t.veins_wings * z.wings)
    blood += t.veins * (t.veins_young + t.veins_age * p.age) * veins
    return np.asarray(blood / (1 + t.under_melanin * p.melanin), np.float32)


def _melanin(painting: Painting) -> Field:
    p, z, c, t = painting.person, zones(painting.canvas), painting.canvas, table("skin").melanin
    damp = 1 / (1 + t.even * p.melanin)
    blotches = (t.coarse * painting.coarse + t.medium * painting.medium) * damp
    pigment = p.melanin * (1 + blotches + t.fine * painting.fine)
    pigment *= 1 + t.forehead * z.forehead + t.cheeks * z.cheeks + t.nose * z.nose
    pigment += (t.lids[0] + t.lids[1] * p.melanin) * (c.skin * ramp(t.lids_ramp, c.lash))
    pigment += (t.circles[0] + t.circles[1] * p.melanin) * p.dark_circles * z.under_eye
    pigment += t.mouth_corners * p.melanin * z.mouth_corners
    moles = (t.moles[0] + t.moles[1] * p.melanin) * _moles(painting)
    pigment += _freckles(painting) + _spots(painting) + moles
    return np.asarray(pigment, np.float32)


def _freckles(painting: Painting) -> Field:
    """Every cell holds one freckle of fixed rank; the amount decides which show."""
    p, z, c, t = painting.person, zones(painting.canvas), painting.canvas, table("skin").freckles
    if p.freckles < t.least:
        return np.zeros_like(c.x)
    distance, rank = c.freckle_cells[..., 0], c.freckle_cells[..., 2]
    radius = t.radius[0] + t.radius[1] * np.mod(rank * 7, 1)
    dot = step(radius + t.outer, radius - t.inner, distance)
    bridge = spot(c.side, c.y, t.bridge) * c.front
    zone = np.clip(t.cheeks * z.cheeks + bridge + t.elsewhere * c.front, 0, 1)
    shown = ramp(t.visible, rank - (t.dense[0] + t.dense[1] * p.freckles) * zone)
    zone = (t.pale[0] + t.pale[1] * zone) * ramp(t.top, c.y)
    return np.asarray(t.amount * p.freckles**0.5 * dot * shown * zone, np.float32)


def _spots(painting: Painting) -> Field:
    """Age spots."""
    p, c, t = painting.person, painting.canvas, table("skin").spots
    amount = ramp(t.ramp, p.age) * t.amount
    if amount < t.least:
        return np.zeros_like(c.x)
    distance, rank = c.spot_cells[..., 0], c.spot_cells[..., 2]
    radius = t.radius[0] + t.radius[1] * np.mod(rank * 11, 1)
    ragged = distance + t.ragged * painting.medium
    shown = step(radius + t.outer, radius - t.inner, ragged) * (rank < t.share)
    return np.asarray(amount * shown, np.float32)


class _Moles:
    """Canonical moles: place, size, rank, and how far each of four latents brings it out."""

    def __init__(self, canvas: Canvas) -> None:
        c, t = canvas, table("skin").moles
        generator = np.random.default_rng(t.layout)
        allowed = (c.front > 0.9) & c.inner & (c.y > t.lowest) & (c.y < t.highest)
        allowed &= (c.z > t.front) & (c.mouth > t.off_mouth) & (c.lash > t.off_lids)
        places = c.position[allowed]
        places = places[np.lexsort(places.T.round(4))]
        self.masks: list[tuple[NDIndex, Field]] = []
        self.loads = generator.normal(size=(t.count, 4)).astype(np.float32)
        self.ranks = np.linspace(t.ranks[0], t.ranks[1], t.count)
        for _ in range(t.count):
            target = np.array([generator.uniform(*t.x), generator.uniform(*t.y)])
            place = places[np.linalg.norm(places[:, :2] - target, axis=1).argmin()]
            radius = generator.uniform(*t.radius)
            distance = np.linalg.norm(c.position - place, axis=-1)
            index = np.nonzero(distance < 2 * radius + 1.5 * t.soft)
            blot = step(radius * 1.25 + t.soft, radius * 0.5, distance[index])
            self.masks.append((index, blot * generator.uniform(*t.darkness)))


NDIndex = tuple[np.ndarray, ...]


def _moles(painting: Painting) -> Field:
    p, canvas = painting.person, painting.canvas
    moles = canvas.once(_Moles)
    out = np.zeros_like(canvas.x)
    score = moles.loads @ np.array([p.mole_1, p.mole_2, p.mole_3, p.mole_4], np.float32)
    t = table("skin").moles
    shown = ramp(t.visible, p.moles + t.varied * score - moles.ranks)
    for (index, blot), amount in zip(moles.masks, shown, strict=True):
        if amount > 0:
            out[index] = np.maximum(out[index], blot * amount)
    return out
