"""Eyeballs (sclera, iris, limbal ring, pupil), lids, lash line, and the mouth's inside."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.fields import Field, bump, noise, ramp, rgb, step, to_linear
from clipface_cli.synth.painting.pigment import skin_colour
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.people.person import Person
from clipface_cli.synth.tables import table


class Globe:
    """Polar maps (N,) of the texels on both eyeballs: radius in irises, fibres, veins, shade."""

    def __init__(self, canvas: Canvas) -> None:
        t = table("eyes").globe
        eyes = canvas.region["eyes"] > 0.5
        self.index = np.nonzero(eyes)
        points = canvas.position[self.index]
        left, right = canvas.eye_centres
        direction = points - np.where(points[:, :1] > 0, left, right)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self.radius = np.arccos(np.clip(direction[:, 2], -1, 1)) / np.radians(t.iris_degrees)
        turn = np.arctan2(direction[:, 1], direction[:, 0] * np.sign(points[:, 0]))
        around = [np.cos(turn) * t.fibre_turns, np.sin(turn) * t.fibre_turns]
        ring = np.stack([*around, self.radius * t.fibre_radius], 1)
        self.coarse = noise(ring, 1.0, t.fibre_layout, 3, 0.55)
        fine, f = noise(ring * t.fine, 1.0, t.fine_layout, 2), t.fibres
        self.fibres = np.clip(f.base + f.coarse * self.coarse + f.fine * fine, 0, f.most)
        tubes = 1 - np.abs(noise(direction * t.veins_size, 1.0, t.veins_layout, 4, 0.6))
        self.veins = ramp(t.veins_ramp, tubes) * ramp(t.veins_outside, self.radius)
        self.height = direction[:, 1]
        lash, upper = canvas.lash[self.index], canvas.upper_lash[self.index]
        reach = t.shade_depth[0] + t.shade_depth[1] * upper
        self.shade = 1 - np.exp(-lash / reach) * (t.shade[0] + t.shade[1] * upper)
        above = t.shade_top * ramp(t.shade_top_ramp, self.height)
        self.shade *= 1 - above - t.shade_side * ramp(t.shade_side_ramp, self.radius)


def paint_eyes(painting: Painting) -> None:
    """Lay the eyeballs; people's irises differ by colour, ring and pupil only."""
    p, globe = painting.person, painting.canvas.once(Globe)
    radius, white = globe.radius, _sclera(globe, p.eye_redness)
    limit = ramp(table("eyes").iris.edge, radius)[:, None]
    eye = white * (1 - limit) + _iris(globe, p) * limit
    painting.colour[globe.index] = eye * globe.shade[:, None]


def _iris(globe: Globe, p: Person) -> Field:
    """Linear colours (N, 3) of iris, warm ring and pupil."""
    t, radius, fibres = table("eyes").iris, globe.radius, globe.fibres[:, None]
    colour = to_linear(p.colour("iris")) * (t.dark + t.fibres * fibres)
    warm = to_linear(np.clip(p.colour("iris") * t.warm_own + np.array(t.warm), 0, 1))
    inner = step(t.warm_outer, p.pupil, radius + t.warm_ragged * globe.coarse)[:, None]
    inner = inner * t.warm_amount * p.iris_ring
    colour = colour * (1 - inner) + warm * (t.warm_dark + t.warm_fibres * fibres) * inner
    colour *= (1 - t.rim * ramp(t.rim_ramp, radius))[:, None]
    open_ = step(p.pupil - t.pupil_inner, p.pupil + t.pupil_outer, radius)
    colour *= (open_ * t.pupil + (1 - t.pupil))[:, None]
    return np.asarray(colour)


def _sclera(globe: Globe, redness: float) -> Field:
    """Linear colours (N, 3) of the white of the eye."""
    t = table("eyes").white
    white = np.repeat(rgb(t.colour)[None], len(globe.radius), 0)
    red = (ramp(t.red_ramp, globe.radius) * redness)[:, None]
    white = white * (1 - red * np.array(t.red))
    white *= 1 - (globe.veins * redness)[:, None] * np.array(t.veins)
    return white


def paint_catch_light(painting: Painting) -> None:
    """A small highlight above the pupil, so that unlit eyes look alive."""
    globe, t = painting.canvas.once(Globe), table("eyes").catch_light
    light = bump(globe.radius, *t.radius) * bump(globe.height, *t.height)
    rows, columns = globe.index
    amount = (t.amount * light)[:, None].astype(np.float32)
    painting.colour[rows, columns] += (t.light - painting.colour[rows, columns]) * amount


def paint_lids(painting: Painting) -> None:
    """Pink wet rims, the crease of the upper lid, and the dark lash line."""
    c, p, t = painting.canvas, painting.person, table("eyes").lids
    pink = skin_colour(np.float32(p.melanin * t.melanin), np.float32(t.haemoglobin), 0.0)
    socket = ramp(t.socket, c.region["sockets"]) * ramp(t.off_lash, c.lash)
    depth = ramp(t.depth, c.lash)[..., None]
    painting.over(pink * (t.outer * depth + t.inner * (1 - depth)), socket)
    upper = c.upper_lash
    crease = bump(c.lash, *t.crease_band) * upper * c.front
    crease *= ramp(t.crease_inner, c.side) * ramp(t.crease_outer, c.side)
    painting.darken(crease * t.crease, t.crease_channels)
    rim = bump(c.lash, *t.rim_band) * (1 - upper) * c.front
    painting.over(pink * t.rim_light, rim * t.rim)
    paint_lash_line(painting)


def paint_lash_line(painting: Painting) -> None:
    """Dark roots of the lashes: strong above, faint below."""
    c, p, t = painting.canvas, painting.person, table("eyes").lashes
    upper = c.upper_lash
    offset = c.lash - t.lower_offset * (1 - upper)
    width = t.width[0] + t.width[1] * upper
    amount = np.exp(-((offset / width) ** 2)) * (t.amount[0] + t.amount[1] * upper) * c.front
    painting.darken(amount * (t.man + t.woman * (1 - p.sex)), t.channels)


def paint_mouth(painting: Painting) -> None:
    """Lining, gums, teeth and tongue."""
    c, p, t = painting.canvas, painting.person, table("eyes").mouth
    entrance = ramp(t.entrance, c.mouth)[..., None]
    melanin = np.float32(t.melanin[1] * p.melanin + t.melanin[0])
    flesh = skin_colour(melanin, np.float32(t.haemoglobin), t.carotene)
    inside = flesh * t.light * entrance + rgb(t.lining) * (1 - entrance) * t.light
    painting.over(np.asarray(inside, np.float32), ramp(t.edge, c.region["mouth_interior"]))
    teeth = c.region["teeth"] > 0.5
    ivory = rgb(t.teeth) * (1 - t.teeth_age * p.age * np.array(t.teeth_channels))
    painting.over(_toothed(painting, ivory), teeth.astype(np.float32))
    tongue = (c.region["tongue"] > 0.5).astype(np.float32)
    painting.over(rgb(t.tongue) * (1 + t.tongue_grain * c.grain[0][..., None]), tongue)


def _toothed(painting: Painting, ivory: Field) -> Field:
    """Gaps between the teeth, and gums away from the biting edges."""
    c, t = painting.canvas, table("eyes").mouth
    turn = np.arctan2(c.x, c.z + t.gap_axis)
    gaps = bump(np.abs(np.mod(turn / t.gap_turn + 0.5, 1) - 0.5), 0.5, t.gap_width)
    colour = ivory * (1 - t.gap * gaps[..., None])
    teeth = c.region["teeth"] > 0.5
    if teeth.any():
        middle = np.median(c.y[teeth])
        away = ramp(t.gum_ramp, np.abs(c.y - middle))[..., None]
        colour = colour * (1 - away) + rgb(t.gum) * away
    return np.asarray(colour, np.float32)
