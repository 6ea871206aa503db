"""Eyeballs (sclera, iris, limbal ring, pupil), lids, lash line, and the mouth's inside."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.fields import Field, bump, noise, step, to_linear
from clipface_cli.synth.pigment import skin_colour
from clipface_cli.synth.sketch import Sketch

_IRIS_ANGLE = np.radians(21)
_SCLERA = to_linear(np.array([212, 200, 192]) / 255)


class Globe:
    """Polar maps of both eyeballs: radius in irises, fibres and veins, all canonical."""

    def __init__(self, canvas: Canvas) -> None:
        eyes = canvas.region["eyes"] > 0.5
        self.index = np.nonzero(eyes)
        points = canvas.position[self.index]
        left, right = canvas.eye_centres
        direction = points - np.where(points[:, :1] > 0, left, right)
        direction /= np.linalg.norm(direction, axis=1, keepdims=True)
        self.radius = np.arccos(np.clip(direction[:, 2], -1, 1)) / _IRIS_ANGLE
        turn = np.arctan2(direction[:, 1], direction[:, 0] * np.sign(points[:, 0]))
        ring = np.stack([np.cos(turn) * 9, np.sin(turn) * 9, self.radius * 1.1], 1)
        self.coarse = noise(ring, 1.0, 5, 3, 0.55)
        self.fibres = np.clip(0.5 + 0.9 * self.coarse + 0.5 * noise(ring * 2.6, 1.0, 6, 2), 0, 1.6)
        tubes = 1 - np.abs(noise(direction * 34, 1.0, 9, 4, 0.6))
        self.veins = step(0.88, 1.0, tubes) * step(1.15, 1.9, self.radius)
        self.height = direction[:, 1]
        lash, upper = canvas.lash[self.index], canvas.upper_lash[self.index]
        self.shade = 1 - np.exp(-lash / (0.0011 + 0.0013 * upper)) * (0.35 + 0.35 * upper)
        self.shade *= 1 - 0.30 * step(0.05, 0.32, self.height) - 0.15 * step(1.4, 2.4, self.radius)


def paint_eyes(sketch: Sketch) -> None:
    """Lay the eyeballs; people's irises differ by colour, ring and pupil only."""
    canvas, p = sketch.canvas, sketch.person
    globe = canvas.once(Globe)
    radius = globe.radius
    iris = to_linear(p.colour("iris"))
    colour = iris * (0.36 + 0.70 * globe.fibres[:, None])
    warm = to_linear(np.clip(p.colour("iris") * 0.5 + np.array([0.38, 0.24, 0.10]), 0, 1))
    inner = step(0.78, p.pupil, radius + 0.10 * globe.coarse)[:, None] * 0.6 * p.iris_ring
    colour = colour * (1 - inner) + warm * (0.6 + 0.6 * globe.fibres[:, None]) * inner
    colour *= (1 - 0.82 * step(0.74, 1.0, radius))[:, None]
    colour *= (step(p.pupil - 0.05, p.pupil + 0.06, radius) * 0.97 + 0.03)[:, None]
    white = np.repeat(_SCLERA[None], len(radius), 0)
    red = (step(1.3, 2.6, radius) * p.eye_redness)[:, None]
    white = white * (1 - red * np.array([0.06, 0.34, 0.38]))
    white *= 1 - (globe.veins * p.eye_redness)[:, None] * np.array([0.1, 0.5, 0.5])
    limit = step(1.07, 0.94, radius)[:, None]
    eye = white * (1 - limit) + colour * limit
    sketch.colour[globe.index] = eye * globe.shade[:, None]


def paint_catch_light(sketch: Sketch) -> None:
    """A small highlight above the pupil, so that unlit eyes look alive."""
    globe = sketch.canvas.once(Globe)
    spot = bump(globe.radius, 0.42, 0.13) * bump(globe.height, 0.155, 0.05)
    rows, columns = globe.index
    amount = (0.55 * spot)[:, None].astype(np.float32)
    sketch.colour[rows, columns] += (0.9 - sketch.colour[rows, columns]) * amount


def paint_lids(sketch: Sketch) -> None:
    """Pink wet rims, the crease of the upper lid, and the dark lash line."""
    canvas, p = sketch.canvas, sketch.person
    pink = skin_colour(np.float32(p.melanin * 0.4), np.float32(0.9), 0.0)
    socket = step(0.35, 0.65, canvas.region["sockets"]) * step(0.0012, 0.0026, canvas.lash)
    depth = step(0.0075, 0.002, canvas.lash)[..., None]
    lining = pink * (0.8 * depth + 0.2 * (1 - depth))
    sketch.over(lining, socket)
    upper = canvas.upper_lash
    crease = bump(canvas.lash, 0.0062, 0.0011) * upper * canvas.front
    crease *= step(0.016, 0.022, canvas.side) * step(0.047, 0.040, canvas.side)
    sketch.darken(crease * 0.30, (0.8, 1.0, 1.0))
    rim = bump(canvas.lash, 0.0, 0.0011) * (1 - upper) * canvas.front
    sketch.over(pink * 0.9, rim * 0.55)
    paint_lash_line(sketch)


def paint_lash_line(sketch: Sketch) -> None:
    """Dark roots of the lashes: strong above, faint below."""
    canvas, p = sketch.canvas, sketch.person
    upper = canvas.upper_lash
    offset = canvas.lash - 0.0006 * (1 - upper)
    width = 0.0009 + 0.0008 * upper
    amount = np.exp(-((offset / width) ** 2)) * (0.36 + 0.60 * upper) * canvas.front
    feminine = 0.80 + 0.20 * (1 - p.sex)
    sketch.darken(amount * feminine, (0.88, 0.93, 0.95))


def paint_mouth(sketch: Sketch) -> None:
    """Lining, gums, teeth and tongue."""
    canvas, p = sketch.canvas, sketch.person
    lining = to_linear(np.array([92, 30, 30]) / 255)
    entrance = step(0.010, 0.001, canvas.mouth)[..., None]
    flesh = skin_colour(np.float32(0.35 * p.melanin + 0.05), np.float32(1.3), 0.1)
    inside = np.asarray(flesh * 0.7 * entrance + lining * (1 - entrance) * 0.7, np.float32)
    sketch.over(inside, step(0.35, 0.65, canvas.region["mouth_interior"]))
    teeth = canvas.region["teeth"] > 0.5
    ivory = to_linear(np.array([226, 216, 198]) / 255) * (
        1 - 0.25 * p.age * np.array([0.5, 0.7, 1])
    )
    sketch.over(_toothed(sketch, ivory), teeth.astype(np.float32))
    tongue = (canvas.region["tongue"] > 0.5).astype(np.float32)
    pink = to_linear(np.array([178, 92, 92]) / 255) * (1 + 0.12 * canvas.grain[0][..., None])
    sketch.over(pink, tongue)


def _toothed(sketch: Sketch, ivory: Field) -> Field:
    """Gaps between the teeth, and gums away from the biting edges."""
    canvas = sketch.canvas
    turn = np.arctan2(canvas.x, canvas.z + 0.035)
    gaps = bump(np.abs(np.mod(turn / 0.17 + 0.5, 1) - 0.5), 0.5, 0.07)
    colour = ivory * (1 - 0.45 * gaps[..., None])
    teeth = canvas.region["teeth"] > 0.5
    if teeth.any():
        middle = np.median(canvas.y[teeth])
        away = step(0.0065, 0.0095, np.abs(canvas.y - middle))[..., None]
        gum = to_linear(np.array([176, 84, 84]) / 255)
        colour = colour * (1 - away) + gum * away
    return np.asarray(colour, np.float32)
