"""Effects that several looks share: drained skin, sunken eyes, veins, glowing irises."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.eyes import Globe
from clipface_cli.synth.fields import Field, cells, noise, step, to_linear
from clipface_cli.synth.sketch import LUMA, Sketch


def rgb(red: int, green: int, blue: int) -> Field:
    """Linear (3,) of an 8-bit sRGB colour."""
    return to_linear(np.array([red, green, blue]) / 255)


def cell_map(canvas: Canvas, scale: float, seed: int) -> Field:
    """Canonical cell noise (R, R, 3); see fields.cells."""
    return cells(canvas.position, scale, seed)


def bare_skin(sketch: Sketch) -> Field:
    """1 on skin without hair."""
    return np.asarray((1 - sketch.hair) * sketch.canvas.skin, np.float32)


def drain(sketch: Sketch, keep: float, tint: tuple[float, float, float], where: Field) -> None:
    """Take colour out of the skin, leaving a share of it, and tint the grey."""
    grey = (sketch.colour @ LUMA)[..., None] * np.array(tint, np.float32)
    drained = sketch.colour * keep + grey * (1 - keep)
    sketch.over(drained, where)


def sunken_eyes(sketch: Sketch, amount: float, channels: tuple[float, float, float]) -> None:
    """Sunken shade round the eyes."""
    c = sketch.canvas
    shade = step(0.021, 0.002, c.lash * np.where(c.lash_height < 0, 0.95, 1.15)) * c.front
    sketch.darken(shade * amount, channels)


def gaunt(sketch: Sketch, amount: float) -> None:
    """Hollow cheeks and temples."""
    c = sketch.canvas
    line = np.abs(c.y + 0.052 + 0.55 * (c.side - 0.05))
    cheek = np.exp(-((line / 0.011) ** 2)) * step(0.030, 0.042, c.side) * step(0.072, 0.056, c.side)
    temple = np.exp(-(((c.side - 0.062) / 0.008) ** 2 + ((c.y - 0.025) / 0.014) ** 2))
    shade = (cheek + 0.8 * temple) * c.skin * step(-0.07, -0.045, c.z)
    sketch.darken(shade * amount, (0.85, 1.0, 0.95))


def veins(sketch: Sketch, seed: int, amount: float, channels: tuple[float, float, float]) -> None:
    """Branching dark veins, gated so that they come in few places."""
    tubes = sketch.canvas.once(_vein_map, seed)
    sketch.darken(tubes * bare_skin(sketch) * np.float32(amount), channels)


def _vein_map(canvas: Canvas, seed: int) -> Field:
    tube = 1 - np.abs(noise(canvas.position, 0.024, seed, 4, 0.55) + 0.15 * canvas.grain[2])
    gate = step(0.0, 0.6, noise(canvas.position, 0.03, seed + 9))
    return np.asarray(step(0.945, 0.995, tube) * gate, np.float32)


def tint_eyes(sketch: Sketch, colour: Field, amount: float) -> None:
    """Irises and whites drawn towards one light colour."""
    globe = sketch.canvas.once(Globe)
    rows, columns = globe.index
    eye = sketch.colour[rows, columns]
    sketch.colour[rows, columns] = eye + (colour - eye) * np.float32(amount)


def luminous_iris(sketch: Sketch, colour: Field, slit: float = 0.0) -> None:
    """Replace the iris by a luminous one, with an upright slit pupil when slit > 0."""
    globe = sketch.canvas.once(Globe)
    rows, columns = globe.index
    shade = colour * (0.55 + 0.75 * globe.fibres[:, None])
    shade = shade * (1 - 0.75 * step(0.78, 1.0, globe.radius))[:, None]
    if slit > 0:
        side = np.sqrt(np.clip(globe.radius**2 - (globe.height / 0.40) ** 2, 0, None))
        pupil = step(slit, slit * 0.5, side) * step(0.85, 0.7, globe.radius)
    else:
        pupil = step(0.30, 0.22, globe.radius)
    shade = shade * (1 - 0.97 * pupil)[:, None]
    amount = step(1.06, 0.95, globe.radius)[:, None]
    eye = sketch.colour[rows, columns]
    sketch.colour[rows, columns] = eye + (shade - eye) * amount
