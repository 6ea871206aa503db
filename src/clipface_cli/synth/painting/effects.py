"""Effects that several looks share: drained skin, sunken eyes, veins, glowing irises."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.eyes import Globe
from clipface_cli.synth.painting.fields import Field, cells, noise, ramp, spot, step
from clipface_cli.synth.painting.state import LUMA, Painting
from clipface_cli.synth.tables import Table, table


def cell_map(canvas: Canvas, scale: float, seed: int) -> Field:
    """Canonical cell noise (R, R, 3); see fields.cells."""
    return cells(canvas.position, scale, seed)


def bare_skin(painting: Painting) -> Field:
    """Mask (R, R) in 0..1: 1 on skin without hair."""
    return np.asarray((1 - painting.hair) * painting.canvas.skin, np.float32)


def drain(painting: Painting, keep: float, tint: Sequence[float], where: Field) -> None:
    """Take colour out of the skin where (R, R) is 1, leaving a share of it, and tint the grey."""
    grey = (painting.colour @ LUMA)[..., None] * np.array(tint, np.float32)
    drained = painting.colour * keep + grey * (1 - keep)
    painting.over(drained, where)


def sunken_eyes(painting: Painting, amount: float, channels: Sequence[float]) -> None:
    """Sunken shade round the eyes."""
    c, t = painting.canvas, table("effects").sunken_eyes
    distance = c.lash * np.where(c.lash_height < 0, t.below, t.above)
    painting.darken(ramp(t.ramp, distance) * c.front * amount, channels)


def gaunt(painting: Painting, amount: float) -> None:
    """Hollow cheeks and temples."""
    c, t = painting.canvas, table("effects").gaunt
    y, side, slope = t.cheek
    line = np.abs(c.y - y - slope * (c.side - side))
    cheek = np.exp(-((line / t.cheek_width) ** 2))
    cheek = cheek * ramp(t.cheek_front, c.side) * ramp(t.cheek_back, c.side)
    temple = t.temple_amount * spot(c.side, c.y, t.temple)
    shade = (cheek + temple) * c.skin * ramp(t.front, c.z)
    painting.darken(shade * amount, t.channels)


def veins(painting: Painting, look: Table) -> None:
    """Branching dark veins, in few places; a look's table holds layout, amount and channels."""
    tubes = painting.canvas.once(_vein_map, look.layout)
    painting.darken(tubes * bare_skin(painting) * np.float32(look.amount), look.channels)


def _vein_map(canvas: Canvas, layout: int) -> Field:
    t = table("effects").veins
    stray = t.fine * canvas.grain[2]
    tube = 1 - np.abs(noise(canvas.position, t.size, layout, 4, t.gain) + stray)
    where = ramp(t.where, noise(canvas.position, t.where_size, layout + t.where_layout))
    return np.asarray(ramp(t.ramp, tube) * where, np.float32)


def tint_eyes(painting: Painting, colour: Field, amount: float) -> None:
    """Irises and whites drawn towards one light colour, (3,) linear."""
    globe = painting.canvas.once(Globe)
    rows, columns = globe.index
    eye = painting.colour[rows, columns]
    painting.colour[rows, columns] = eye + (colour - eye) * np.float32(amount)


def luminous_iris(painting: Painting, colour: Field, slit: float = 0.0) -> None:
    """Replace the iris by one of a linear colour (3,); slit > 0: half width of a slit pupil."""
    globe, t = painting.canvas.once(Globe), table("effects").iris
    rows, columns = globe.index
    shade = colour * (t.dark + t.fibres * globe.fibres[:, None])
    shade = shade * (1 - t.rim * ramp(t.rim_ramp, globe.radius))[:, None]
    if slit > 0:
        side = np.sqrt(np.clip(globe.radius**2 - (globe.height / t.slit_height) ** 2, 0, None))
        pupil = step(slit, slit * 0.5, side) * ramp(t.slit_ends, globe.radius)
    else:
        pupil = ramp(t.pupil_ramp, globe.radius)
    shade = shade * (1 - t.pupil * pupil)[:, None]
    amount = ramp(t.edge, globe.radius)[:, None]
    eye = painting.colour[rows, columns]
    painting.colour[rows, columns] = eye + (shade - eye) * amount
