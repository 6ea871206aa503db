"""Looks that change the flesh: zombie, ghost, vampire, white walker, werewolf, alien.

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
    tint_eyes,
    veins,
)
from clipface_cli.synth.painting.eyes import Globe
from clipface_cli.synth.painting.fields import Field, bump, cells, noise, ramp, rgb, spot, step
from clipface_cli.synth.painting.state import LUMA, Painting
from clipface_cli.synth.painting.strokes import Layer, trace
from clipface_cli.synth.tables import Table, look_table


def paint_zombie(painting: Painting) -> None:
    """Grey-green skin, rot, bruises, bloody mouth, sunken bloodshot eyes."""
    c, t = painting.canvas, look_table("zombie")
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    drain(painting, t.skin.kept, t.skin.tint, skin)
    bruise = ramp(t.bruises.ramp, painting.coarse + t.bruises.fine * painting.medium)
    painting.darken(t.bruises.amount * bruise * bare_skin(painting), t.bruises.channels)
    veins(painting, t.veins)
    gaunt(painting, t.skin.gaunt)
    sunken_eyes(painting, t.skin.sunken_eyes, t.skin.eye_channels)
    _rot(painting, t.rot)
    _bloody_mouth(painting, t.blood)
    globe = c.once(Globe)
    rows, columns = globe.index
    red = ramp(t.bloodshot.ramp, globe.radius)[:, None]
    painting.colour[rows, columns] *= 1 - red * np.array(t.bloodshot.channels, np.float32)


def _rot(painting: Painting, t: Table) -> None:
    """Open flesh with dark edges."""
    c = painting.canvas
    field = painting.patches + t.fine * c.grain[1]
    clear = ramp(t.off_lids, c.lash) * ramp(t.front, c.z) * c.skin
    clear *= 1 - t.under_hair * painting.hair
    painting.darken(t.edge_amount * (ramp(t.edge_ramp, field) * clear), t.edge_channels)
    rot = np.asarray(ramp(t.ramp, field) * clear, np.float32)
    painting.over(rgb(t.colour) * _grained(c, t.grain), rot)


def _grained(c: Canvas, t: Table) -> Field:
    """Brightness (R, R, 1) that varies over 4 mm."""
    return (t.darkest + t.contrast * np.clip(c.grain[1] + t.shift, 0, t.most))[..., None]


def _bloody_mouth(painting: Painting, t: Table) -> None:
    """Blood on the lips, running down the chin in canonical drips."""
    c = painting.canvas
    points = np.stack([c.x / t.drip_width, 0 * c.y, 0 * c.z], -1)
    drips = noise(points, 1.0, t.drip_layout, 2)
    reach = t.lowest - t.longest * np.clip(drips + t.drip_shift, 0, 1)
    run = ramp(t.end, reach - c.y) * ramp(t.top, c.y) * ramp(t.side, c.side)
    smear = np.maximum(run * c.front, t.on_lips * painting.lips)
    painting.over(rgb(t.colour) * _grained(c, t.grain), np.clip(smear * t.amount, 0, 1))


def paint_ghost(painting: Painting) -> None:
    """Bluish white all over, dark sockets, pale eyes."""
    c, t = painting.canvas, look_table("ghost")
    everywhere = np.ones_like(c.x)
    drain(painting, t.skin.kept, t.skin.tint, everywhere)
    pale = rgb(t.skin.pale) * (1 + t.skin.blotches * painting.coarse)[..., None]
    painting.over(pale.astype(np.float32), t.skin.pale_amount * c.skin)
    gaunt(painting, t.skin.gaunt)
    sunken_eyes(painting, t.skin.sunken_eyes, t.skin.eye_channels)
    mist = ramp(t.mist.ramp, painting.patches + t.mist.fine * painting.medium)
    painting.over(rgb(t.mist.colour), t.mist.amount * mist * c.skin)
    painting.over(rgb(t.skin.lips), t.skin.lips_amount * painting.lips)
    tint_eyes(painting, rgb(t.eyes.colour), t.eyes.amount)


def paint_vampire(painting: Painting) -> None:
    """Pale skin, red-rimmed eyes, a widow's peak, blood from the mouth."""
    c, t = painting.canvas, look_table("vampire")
    drain(painting, t.skin.kept, t.skin.tint, bare_skin(painting) * (1 - painting.lips))
    painting.over(rgb(t.skin.pale), t.skin.pale_amount * bare_skin(painting) * (1 - painting.lips))
    gaunt(painting, t.skin.gaunt)
    sunken_eyes(painting, t.skin.sunken_eyes, t.skin.eye_channels)
    for sign, end in ((-1, t.blood.end_right), (1, t.blood.end_left)):
        _blood_trail(painting, t.blood, sign, end)
    peak = ramp(
        t.peak.ramp,
        c.y - t.peak.height - t.peak.slope * c.side + t.peak.ragged * c.wobble[3],
    )
    peak = peak * ramp(t.peak.top, c.y) * ramp(t.peak.front, c.z)
    painting.over(painting.hair_colour() * t.peak.shade, t.peak.amount * peak * c.skin)


def _blood_trail(painting: Painting, t: Table, sign: int, end: float) -> None:
    """Blood from a corner of the mouth down to a drop at y = `end`."""
    c = painting.canvas
    spread = t.spread * ramp(t.spread_ramp, c.y)
    trail = bump(c.x, t.x * sign + t.aside * sign, t.core_width)
    trail = trail + t.halo * bump(c.x, t.x * sign, spread + t.halo_width)
    trail = trail * step(end - t.end_softness, end + t.end_softness, c.y) * ramp(t.top, c.y)
    x, width, height = t.drop
    drop = spot(c.x, c.y, (x * sign, end, width, height))
    amount = np.clip(np.maximum(trail, drop) * c.front, 0, 1)
    painting.over(rgb(t.colour), t.amount * amount)


def paint_white_walker(painting: Painting) -> None:
    """Ice-blue cracked skin, frost, shining blue irises."""
    c, t = painting.canvas, look_table("white walker")
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    grey = (painting.colour @ LUMA)[..., None]
    ice = (grey * t.skin.contrast + t.skin.lift) * np.array(t.skin.ice, np.float32)
    painting.over(painting.colour * t.skin.kept + ice * t.skin.ice_amount, skin)
    cracks, frost_map = c.once(_ice)
    painting.darken(t.cracks.amount * cracks * bare_skin(painting), t.cracks.channels)
    gaunt(painting, t.skin.gaunt)
    sunken_eyes(painting, t.skin.sunken_eyes, t.skin.eye_channels)
    frost = t.frost.coarse * frost_map + t.frost.fine * c.wobble[6]
    frost = ramp(t.frost.ramp, frost + t.frost.above * c.normal[..., 1])
    painting.over(rgb(t.frost.colour), t.frost.amount * frost * c.skin)
    painting.over(rgb(t.skin.lips), t.skin.lips_amount * painting.lips)
    globe = c.once(Globe)
    rows, columns = globe.index
    blue = rgb(t.eyes.colour) * (t.eyes.dark + t.eyes.fibres * globe.fibres[:, None])
    iris = (ramp(t.eyes.outer, globe.radius) * ramp(t.eyes.inner, globe.radius))[:, None]
    eye = painting.colour[rows, columns] * np.array(t.eyes.whites)
    painting.colour[rows, columns] = eye + (blue - eye) * iris * t.eyes.amount


def _ice(canvas: Canvas) -> tuple[Field, Field]:
    """Cracks 0..1 and frost of about -1..1 (R, R)."""
    c, t = canvas, look_table("white walker")
    k, f = t.cracks, t.frost
    cell = cells(c.position + k.ragged * c.grain[2][..., None], k.size, k.layout)
    where = noise(c.position, k.where_size, k.where_layout) + k.where_fine * c.wobble[3]
    cracks = ramp(k.ramp, cell[..., 1] - cell[..., 0]) * ramp(k.where, where)
    return np.asarray(cracks, np.float32), noise(c.position, f.size, f.layout)


def paint_werewolf(painting: Painting) -> None:
    """Fur over the whole head, a black nose, amber eyes."""
    c, t = painting.canvas, look_table("werewolf")
    strands = c.once(_fur)
    colour, fur = painting.hair_colour(), t.fur
    keep = ramp(fur.off_lids, c.lash) * (1 - ramp(fur.off_lips, painting.lips))
    muzzle = spot(c.side, c.y, t.nose.muzzle) * ramp(t.nose.front, c.z)
    grow = c.skin * keep * (1 - muzzle) * (1 - fur.brow_less * spot(c.side, c.y, fur.brow))
    eyes = spot(c.side, c.y, fur.eyes) * c.front
    grow = np.asarray(grow * (1 - fur.eyes_less * eyes), np.float32)
    painting.over(colour * fur.base, fur.base_amount * c.blur(grow, fur.base_blur))
    for layer, (low, high) in zip(strands, fur.tones, strict=True):
        visible = ramp(fur.visible, layer.rank - fur.dense * layer.at_roots(grow))
        cover = layer.show(np.asarray(visible, np.float32)) * keep * c.skin
        painting.over(colour * layer.tones(low, high)[..., None], fur.amount * cover)
    nose = t.nose.amount * ramp(t.nose.edge, muzzle) * ramp(t.nose.bottom, c.y)
    painting.over(rgb(t.nose.colour), nose)
    sunken_eyes(painting, t.eyes.sunken, t.eyes.channels)
    painting.over(rgb(t.lips.colour), t.lips.amount * painting.lips)
    painting.hair = np.maximum(painting.hair, grow)
    luminous_iris(painting, rgb(t.eyes.colour))


def _fur(canvas: Canvas) -> list[Layer]:
    """Strokes over the whole head, away from the nose."""
    c, t = canvas, look_table("werewolf").flow
    flow = np.zeros_like(c.position)
    flow[..., 0] = np.tanh(c.x / t.parting) * (t.aside + t.aside_below * ramp(t.below, c.y))
    flow[..., 1] = t.down + t.up_above * ramp(t.above, c.y)
    flow[..., 2] = t.back * ramp(t.side, c.side)
    for k in range(3):
        stray = noise(c.position, t.disorder_size, t.disorder_layout + k, 2)
        flow[..., k] += t.disorder * stray
    direction, fur = c.tangent(flow), look_table("werewolf").fur
    bends = {"jitter": fur.jitter, "curl": fur.curl}
    return [
        trace(c, c.skin, direction, fur.count, fur.length, fur.layout + k, **bends)
        for k in range(3)
    ]


def paint_alien(painting: Painting) -> None:
    """Green scaled skin, large black almond eyes."""
    c, t = painting.canvas, look_table("alien")
    grey = (painting.colour @ LUMA)[..., None]
    green = (t.skin.lift + t.skin.contrast * grey) * np.array(t.skin.green, np.float32)
    painting.over(green, t.skin.amount * c.skin)
    mottle = ramp(t.mottle.ramp, painting.patches + t.mottle.fine * painting.medium)
    painting.darken(t.mottle.amount * mottle * c.skin, t.mottle.channels)
    s = t.scales
    scales = c.once(cell_map, s.size, s.layout)
    zone = ramp(s.above, c.y) + ramp(s.aside, c.side) * (c.y > s.lowest)
    gap = ramp(s.gap, scales[..., 1] - scales[..., 0])
    painting.darken(s.amount * gap * np.clip(zone, 0, 1) * c.skin, s.channels)
    e = t.eyes
    dx = (c.side - e.side) / e.half_width
    dy = (c.y - e.y - e.slant * (c.side - e.side)) / e.half_height
    almond = ramp(e.edge, np.hypot(dx, dy)) * c.front
    painting.over(rgb(e.colour), e.amount * almond)
    glint = spot(c.side, c.y, e.glint) * almond
    painting.over(rgb(e.glint_colour), e.glint_amount * glint)
    globe = c.once(Globe)
    rows, columns = globe.index
    painting.colour[rows, columns] = rgb(e.colour)
    painting.over(rgb(t.skin.lips), t.skin.lips_amount * painting.lips)
