"""Looks of characters and costumes: statue, clown, robot, doll, Mona Lisa, witcher, make-up.

Each painter reads its numbers from the look's table in `tables/looks`.
"""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.effects import (
    bare_skin,
    cell_map,
    drain,
    gaunt,
    luminous_iris,
    sunken_eyes,
    veins,
)
from clipface_cli.synth.painting.eyes import Globe, paint_lash_line
from clipface_cli.synth.painting.fields import Field, bump, curve, noise, ramp, rgb, spot
from clipface_cli.synth.painting.lips import lip_edge, lip_zone
from clipface_cli.synth.painting.pigment import zones
from clipface_cli.synth.painting.state import LUMA, Painting
from clipface_cli.synth.tables import Table, look_table


def paint_statue(painting: Painting) -> None:
    """Marble, eyes and hair included."""
    c, t = painting.canvas, look_table("statue")
    s, e = t.stone, t.eyes
    grey = (painting.colour @ LUMA)[..., None]
    relief = s.base + s.relief * (grey - c.blur(grey[..., 0], s.relief_blur)[..., None])
    stone = rgb(s.colour) * np.clip(relief, s.darkest, s.brightest)
    stone = stone * (1 + s.blotches * painting.coarse)[..., None]
    marble = c.once(_marble)[..., None]
    stone = stone * (1 - t.veins.amount * marble * np.array(t.veins.channels))
    painting.over(stone, np.ones_like(c.x))
    globe = c.once(Globe)
    rows, columns = globe.index
    blank = np.repeat(rgb(e.colour)[None], len(rows), 0)
    ring, pupil = bump(globe.radius, *e.ring_band), ramp(e.pupil_ramp, globe.radius)
    blank *= (1 - e.ring * ring - e.pupil * pupil)[:, None]
    painting.colour[rows, columns] = blank
    painting.darken(t.mouth.lips * painting.lips, (1, 1, 1))
    line = bump(c.mouth, *t.mouth.line_band) * c.skin
    painting.darken(t.mouth.line * line, (1, 1, 1))


def _marble(canvas: Canvas) -> Field:
    """Veins of the stone, 0..1 (R, R)."""
    t = look_table("statue").veins
    stray = noise(canvas.position, t.warp_size, t.warp_layout)[..., None]
    tubes = np.abs(noise(canvas.position + t.warp * stray, t.size, t.layout, 4, t.gain))
    return np.asarray(ramp(t.ramp, 1 - tubes))


def paint_clown(painting: Painting) -> None:
    """White face, red nose and grin, blue lids, rouge discs."""
    c, t = painting.canvas, look_table("clown")
    _white_face(painting, t.face)
    grin = _clown_mouth(c, t.grin)
    painting.over(rgb(t.grin.colour), t.grin.amount * grin)
    outline = bump(lip_edge(painting), *t.grin.outline_band) * lip_zone(painting)
    painting.darken(t.grin.outline * outline, t.grin.outline_channels)
    n = t.nose
    nose = ramp(n.edge, np.hypot(c.x, (c.y - n.y) * n.stretch)) * ramp(n.front, c.z)
    painting.over(rgb(n.colour), n.amount * nose)
    painting.over(rgb(n.shine_colour), n.shine_amount * (spot(c.x, c.y, n.shine) * nose))
    _clown_eyes(painting, t.eyes)
    b = t.brows
    away = c.side - t.eyes.side
    brow = np.abs(c.y - b.y - b.arch * np.cos(away / b.half_width * b.turn)) < b.thickness
    brow = brow * ramp(b.ends, np.abs(away)) * c.front
    painting.over(rgb(b.colour), b.amount * brow)
    r = t.rouge
    disc = ramp(r.edge, np.hypot(c.side - r.x, c.y - r.y)) * c.skin * ramp(r.front, c.z)
    painting.over(rgb(r.colour), r.amount * disc * (1 - grin))
    paint_lash_line(painting)


def _white_face(painting: Painting, t: Table) -> None:
    """White paint on an oval of the face, through which wrinkles show."""
    c = painting.canvas
    x, y, width, height = t.oval
    oval = np.sqrt(((c.side - x) / width) ** 2 + ((c.y - y) / height) ** 2)
    face = ramp(t.edge, oval + t.wavy * c.wobble[0]) * ramp(t.front, c.z) * c.skin
    white = (rgb(t.colour) * (1 + t.blotches * c.wobble[0])[..., None]).astype(np.float32)
    bare = np.asarray(face * (1 - t.hair_less * ramp(t.hair, painting.hair)), np.float32)
    wrinkles = (1 - t.wrinkles * np.clip(painting.relief, 0, 1))[..., None]
    painting.over(white * wrinkles, t.amount * bare)


def _clown_mouth(c: Canvas, t: Table) -> Field:
    """A wide painted grin round the lips."""
    y = c.y - t.lift * (c.side / t.half_width) ** 2
    top, low = curve(c.side, t.top_at, t.top), curve(c.side, t.low_at, t.low)
    inside = np.minimum(top - y, y - low)
    return np.asarray(ramp(t.edge, inside) * c.front, np.float32)


def _clown_eyes(painting: Painting, t: Table) -> None:
    """Coloured upper lids and an upright stroke below each eye."""
    c = painting.canvas
    aside = np.abs(c.side - t.side)
    stroke = (
        ramp(t.stroke_edge, aside)
        * ramp(t.stroke_bottom, c.y + t.stroke_bottom_slope * aside)
        * ramp(t.stroke_top, c.y + t.stroke_top_slope * aside)
    )
    arch = (
        ramp(t.lid_edge, np.hypot((c.side - t.side) * t.lid_squeeze, c.y - t.lid_y))
        * ramp(t.lid_above, c.y)
        * c.front
    )
    painting.over(rgb(t.lid_colour), t.lid_amount * arch * ramp(t.lid_off_lash, c.lash))
    amount = t.stroke_amount * stroke * c.front * ramp(t.stroke_off_lash, c.lash)
    painting.over(rgb(t.stroke_colour), amount * (c.y < t.stroke_highest))


def paint_robot(painting: Painting) -> None:
    """Steel plates with seams and rivets, glowing irises."""
    c, t = painting.canvas, look_table("robot")
    s, r = t.steel, t.rivets
    grey = (painting.colour @ LUMA)[..., None]
    above = np.clip(c.normal[..., 1:2] * 0.5 + s.above_shift, 0, 1)
    steel = s.darkest + s.from_above * above + s.painted * grey
    painting.over(steel * np.array(s.colour, np.float32), s.amount * c.skin)
    seams = _seams(c, t.seams)
    groove = ramp(t.seams.groove, seams) * c.skin
    painting.darken(t.seams.groove_amount * groove, (1, 1, 1))
    light = bump(seams, *t.seams.edge_band) * c.skin
    painting.colour *= (1 + t.seams.edge_light * light)[..., None]
    half = r.spacing / 2
    rivets = np.hypot(np.mod(c.side, r.spacing) - half, np.mod(c.y, r.spacing) - half)
    rivet = ramp(r.edge, rivets) * ramp(r.above, c.y) * c.skin
    painting.darken(r.amount * rivet, (1, 1, 1))
    luminous_iris(painting, rgb(t.eyes.colour))
    sunken_eyes(painting, t.eyes.sunken, t.eyes.channels)
    painting.darken(s.lips * painting.lips, (1, 1, 1))


def _seams(c: Canvas, t: Table) -> Field:
    """Distance (R, R) to the nearest seam between plates, metres."""
    side, side_y, side_slope = t.cheek
    y, y_side, y_slope = t.mouth
    mouth = np.abs(c.y - y - y_slope * (c.side - y_side))
    return np.asarray(
        np.minimum.reduce(
            [
                np.abs(c.side - side - side_slope * (c.y - side_y)),
                np.abs(c.y - t.forehead),
                mouth + t.nowhere * (c.side < t.mouth_from),
                np.abs(c.x) + t.nowhere * (c.y < t.middle_from),
                np.abs(c.side - t.chin) + t.nowhere * (c.y > t.chin_below),
            ]
        )
    )


def paint_barbie(painting: Painting) -> None:
    """Smooth vinyl skin."""
    c, t = painting.canvas, look_table("barbie doll")
    v = t.vinyl
    bare = bare_skin(painting) * (1 - painting.lips) * ramp(v.off_lids, c.lash)
    bare *= 1 - v.relief_kept * ramp(v.relief, painting.relief)
    plastic = rgb(v.colour) * (1 - v.neck_shade * zones(c).neck)[..., None]
    rose = zones(c).cheeks[..., None] * np.array(v.cheeks, np.float32)
    painting.over(plastic * (1 - rose), v.amount * bare)
    globe = c.once(Globe)
    rows, columns = globe.index
    white = ramp(t.eyes.ramp, globe.radius)[:, None] * t.eyes.amount
    eye = painting.colour[rows, columns]
    painting.colour[rows, columns] = eye + (rgb(t.eyes.white) - eye) * white


def paint_mona_lisa(painting: Painting) -> None:
    """Old varnish, soft shadows, craquelure, dark hair under a veil, a dark dress."""
    c, t = painting.canvas, look_table("mona lisa")
    bare = bare_skin(painting)
    varnish = np.array(t.varnish.colour, np.float32)
    grey = (painting.colour @ LUMA)[..., None]
    aged = t.varnish.own * painting.colour * varnish + t.varnish.grey * grey * varnish
    painting.over(aged, t.varnish.amount * np.ones_like(c.x))
    s, r, k = t.shadows, t.rose, t.craquelure
    turn = ramp(s.turn_ramp, c.normal[..., 2]) * c.skin
    painting.darken(s.turn * turn * bare, s.turn_channels)
    painting.over(rgb(r.lips), r.lips_amount * painting.lips)
    painting.over(rgb(r.cheeks), r.cheeks_amount * (zones(c).cheeks + r.nose * zones(c).nose))
    sunken_eyes(painting, s.sunken_eyes, s.eye_channels)
    smoke = spot(c.side, c.y, s.corner_spot) * c.front
    under = spot(c.side, c.y, s.under_lip_spot) * c.front
    painting.darken(s.corner * smoke + s.under_lip * under, s.mouth_channels)
    cell = c.once(cell_map, k.size, k.layout)
    cracks = ramp(k.ramp, cell[..., 1] - cell[..., 0])
    painting.darken(k.amount * cracks * c.skin, k.channels)
    _locks(painting, t.locks)
    veil = bump(c.y - t.veil.slope * c.side, *t.veil.band) * ramp(t.veil.front, c.z) * c.skin
    painting.darken(t.veil.amount * veil, (1, 1, 1))
    dress = ramp(t.dress.top, c.y - t.dress.slope * c.side) * c.skin
    painting.over(rgb(t.dress.colour), t.dress.amount * dress)


def _locks(painting: Painting, t: Table) -> None:
    """Waved hair that falls beside the face."""
    c = painting.canvas
    line = t.z + t.slope * np.clip(c.y - t.above, 0, 1) - t.slope * np.clip(t.below - c.y, 0, 1)
    fall = ramp(t.edge, line - c.z + t.ragged * c.wobble[3]) * ramp(t.side, c.side)
    bend = t.waves_bend * np.sin(c.y / t.waves_bend_length)
    waves = t.waves_dark + t.waves * np.abs(np.sin(c.z / t.waves_length + bend))
    fall = fall * ramp(t.bottom, c.y) * c.skin
    tress = painting.hair_colour() * np.array(t.tint) * t.brightness * waves[..., None]
    painting.over(tress, t.amount * fall)


def paint_witcher(painting: Painting) -> None:
    """Pale skin, a scar over the eye, cat eyes, dark veins."""
    c, t = painting.canvas, look_table("witcher")
    drain(painting, t.skin.kept, t.skin.tint, bare_skin(painting))
    sunken_eyes(painting, t.skin.sunken_eyes, t.skin.eye_channels)
    veins(painting, t.veins)
    gaunt(painting, t.skin.gaunt)
    luminous_iris(painting, rgb(t.eyes.colour), slit=t.eyes.slit)
    s = t.scar
    line = c.x - s.x + s.slant * (c.y - s.y) + s.ragged * c.wobble[3]
    scar = ramp(s.width, np.abs(line)) * ramp(s.bottom, c.y) * ramp(s.top, c.y)
    scar = np.asarray(scar * ramp(s.off_lids, c.lash) * c.front, np.float32)
    painting.over(rgb(s.colour), s.amount * scar)
    beside = bump(np.abs(line), *s.beside_band)
    beside = beside * ramp(s.beside_bottom, c.y) * ramp(s.top, c.y)
    painting.darken(s.beside * beside * c.front, s.beside_channels)


def paint_gothic(painting: Painting) -> None:
    """White foundation, black smoke round the eyes, black tears."""
    c, t = painting.canvas, look_table("gothic makeup")
    f = t.foundation
    cover = f.amount * bare_skin(painting) * (1 - painting.lips) * ramp(f.off_lids, c.lash)
    white = rgb(f.colour) * (1 - f.wrinkles * np.clip(painting.relief, 0, 1))[..., None]
    painting.over(white, np.asarray(cover, np.float32))
    painting.over(rgb(t.smoke.colour), t.smoke.amount * (ramp(t.smoke.ramp, c.lash) * c.front))
    s = t.tears
    tear = ramp(s.width, np.abs(c.side - s.side - s.ragged * c.wobble[3]))
    tear = tear * ramp(s.bottom, c.y) * ramp(s.top, c.y) * c.front
    painting.over(rgb(s.colour), s.amount * tear)


def paint_party(painting: Painting) -> None:
    """Glitter round the eyes and on the cheek bones, a row of gems."""
    c, t = painting.canvas, look_table("party makeup")
    g = t.glitter
    glitter = c.once(cell_map, g.size, g.layout)
    distance, rank = glitter[..., 0], glitter[..., 2]
    zone = ramp(g.lids, c.lash) * c.upper_lash * c.front
    bone = spot(c.side, c.y, g.bones) * c.skin
    sparkle = ramp(g.edge, distance) * (rank < g.share * np.clip(zone + bone, 0, 1))
    hue = np.mod(rank * g.hues, 1)[..., None]
    turn = np.cos(2 * np.pi * (hue - np.array(g.rainbow_phases)))
    shine = g.rainbow_middle + g.rainbow_range * turn
    painting.over(g.base + g.shine * shine, g.amount * sparkle * ramp(g.off_lash, c.lash))
    e = t.gems
    for k in range(e.count):
        place = np.hypot(c.side - e.x - e.step_x * k, c.y - e.y - e.step_y * k)
        gem = ramp(e.edge, place) * c.skin * ramp(e.front, c.z)
        painting.over(rgb(e.colours[k % 2]), e.amount * gem)
