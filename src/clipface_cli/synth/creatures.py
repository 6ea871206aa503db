"""Looks that change the flesh: zombie, ghost, vampire, white walker, werewolf, alien."""

from __future__ import annotations

import numpy as np

from clipface_cli.synth.canvas import Canvas
from clipface_cli.synth.effects import (
    bare_skin,
    cell_map,
    drain,
    gaunt,
    luminous_iris,
    rgb,
    sunken_eyes,
    tint_eyes,
    veins,
)
from clipface_cli.synth.eyes import Globe
from clipface_cli.synth.fields import Field, bump, cells, noise, step
from clipface_cli.synth.sketch import LUMA, Sketch
from clipface_cli.synth.strokes import Layer, trace


def paint_zombie(sketch: Sketch) -> None:
    """Grey-green skin, rot, bruises, bloody mouth, sunken bloodshot eyes."""
    c = sketch.canvas
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    drain(sketch, 0.30, (0.60, 0.72, 0.47), skin)
    bruise = step(0.1, 1.0, sketch.coarse + 0.4 * sketch.medium)
    sketch.darken(0.45 * bruise * bare_skin(sketch), (0.85, 0.8, 0.65))
    veins(sketch, 73, 0.5, (0.9, 0.75, 0.5))
    gaunt(sketch, 0.5)
    sunken_eyes(sketch, 0.82, (0.80, 0.95, 0.88))
    field = sketch.patches + 0.30 * c.grain[1]
    clear = step(0.006, 0.010, c.lash) * step(-0.09, -0.06, c.z) * c.skin
    clear *= 1 - 0.8 * sketch.hair
    edge = step(0.22, 0.44, field) * clear
    sketch.darken(0.6 * edge, (0.6, 0.92, 0.92))
    rot = np.asarray(step(0.44, 0.50, field) * clear, np.float32)
    flesh = rgb(96, 24, 20) * (0.5 + 0.7 * np.clip(c.grain[1] + 0.6, 0, 1.3))[..., None]
    sketch.over(flesh, rot)
    _bloody_mouth(sketch)
    _bloodshot(sketch)


def _bloody_mouth(sketch: Sketch) -> None:
    """Blood on the lips, running down the chin in canonical drips."""
    c = sketch.canvas
    drips = noise(np.stack([c.x / 0.004, 0 * c.y, 0 * c.z], -1), 1.0, 80, 2)
    reach = -0.078 - 0.028 * np.clip(drips + 0.25, 0, 1)
    run = step(0.003, -0.002, reach - c.y) * step(-0.062, -0.068, c.y) * step(0.021, 0.015, c.side)
    smear = np.maximum(run * c.front, 0.85 * sketch.lips)
    stain = rgb(92, 8, 8) * (0.7 + 0.5 * np.clip(c.grain[1] + 0.5, 0, 1))[..., None]
    sketch.over(stain, np.clip(smear * 0.88, 0, 1))


def _bloodshot(sketch: Sketch) -> None:
    globe = sketch.canvas.once(Globe)
    rows, columns = globe.index
    red = step(1.0, 2.2, globe.radius)[:, None]
    sketch.colour[rows, columns] *= 1 - red * np.array([0.25, 0.6, 0.65], np.float32)


def paint_ghost(sketch: Sketch) -> None:
    """Bluish white all over, dark sockets, pale eyes."""
    c = sketch.canvas
    everywhere = np.ones_like(c.x)
    drain(sketch, 0.06, (0.96, 1.02, 1.10), everywhere)
    pale = rgb(226, 234, 244) * (1 + 0.05 * sketch.coarse)[..., None]
    sketch.over(pale.astype(np.float32), 0.62 * c.skin)
    gaunt(sketch, 0.35)
    sunken_eyes(sketch, 0.80, (1.0, 0.90, 0.74))
    mist = step(0.1, 0.9, sketch.patches + 0.3 * sketch.medium)
    sketch.over(rgb(176, 196, 222), 0.45 * mist * c.skin)
    sketch.over(rgb(126, 138, 160), 0.75 * sketch.lips)
    tint_eyes(sketch, rgb(228, 236, 244), 0.55)


def paint_vampire(sketch: Sketch) -> None:
    """Pale skin, red-rimmed eyes, a widow's peak, blood from the mouth."""
    c = sketch.canvas
    drain(sketch, 0.45, (1.0, 0.98, 1.02), bare_skin(sketch) * (1 - sketch.lips))
    sketch.over(rgb(238, 228, 226), 0.45 * bare_skin(sketch) * (1 - sketch.lips))
    gaunt(sketch, 0.42)
    sunken_eyes(sketch, 0.62, (0.62, 0.98, 0.86))
    for sign in (-1, 1):
        spread = 0.0016 * step(-0.073, -0.085, c.y)
        trail = bump(c.x, 0.0125 * sign + 0.0005 * sign, 0.0013) + 0.4 * bump(
            c.x, 0.0125 * sign, spread + 0.0008
        )
        length = -0.092 if sign > 0 else -0.101
        trail = trail * step(length - 0.002, length + 0.002, c.y) * step(-0.067, -0.072, c.y)
        drop = np.exp(-(((c.x - 0.013 * sign) / 0.0020) ** 2 + ((c.y - length) / 0.0026) ** 2))
        amount = np.clip(np.maximum(trail, drop) * c.front, 0, 1)
        sketch.over(rgb(128, 6, 12), 0.92 * amount)
    peak = step(-0.001, 0.003, c.y - 0.050 - 1.3 * c.side + 0.001 * c.wobble[3])
    peak = peak * step(0.095, 0.085, c.y) * step(-0.05, -0.03, c.z)
    sketch.over(sketch.hair_colour() * 0.6, 0.97 * peak * c.skin)


def paint_white_walker(sketch: Sketch) -> None:
    """Ice-blue cracked skin, frost, shining blue irises."""
    c = sketch.canvas
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    grey = (sketch.colour @ LUMA)[..., None]
    ice = (grey * 0.62 + 0.10) * np.array([0.70, 0.90, 1.06], np.float32)
    sketch.over(sketch.colour * 0.12 + ice * 0.9, skin)
    cracks, frost_map = c.once(_ice)
    sketch.darken(0.7 * cracks * bare_skin(sketch), (0.60, 0.42, 0.26))
    gaunt(sketch, 0.5)
    sunken_eyes(sketch, 0.78, (0.80, 0.62, 0.40))
    frost = step(0.15, 0.9, 0.7 * frost_map + 0.4 * c.wobble[6] + 0.6 * c.normal[..., 1])
    sketch.over(rgb(236, 244, 250), 0.34 * frost * c.skin)
    sketch.over(rgb(74, 98, 124), 0.7 * sketch.lips)
    globe = c.once(Globe)
    rows, columns = globe.index
    blue = rgb(40, 150, 255) * (0.6 + 0.9 * globe.fibres[:, None])
    iris = (step(1.08, 0.9, globe.radius) * step(0.1, 0.25, globe.radius))[:, None]
    eye = sketch.colour[rows, columns] * np.array([0.6, 0.85, 1.1])
    sketch.colour[rows, columns] = eye + (blue - eye) * iris * 0.9


def _ice(canvas: Canvas) -> tuple[Field, Field]:
    """Cracks 0..1 and frost of about -1..1 (R, R)."""
    c = canvas
    cell = cells(c.position + 0.002 * c.grain[2][..., None], 0.013, 91)
    gate = step(-0.1, 0.7, noise(c.position, 0.03, 92) + 0.2 * c.wobble[3])
    cracks = step(0.11, 0.02, cell[..., 1] - cell[..., 0]) * gate
    return np.asarray(cracks, np.float32), noise(c.position, 0.012, 94)


def paint_werewolf(sketch: Sketch) -> None:
    """Fur over the whole head, a black nose, amber eyes."""
    c = sketch.canvas
    fur = c.once(_fur)
    colour = sketch.hair_colour()
    keep = step(0.006, 0.014, c.lash) * (1 - step(0.1, 0.7, sketch.lips))
    muzzle = np.exp(-((c.side / 0.013) ** 2 + ((c.y + 0.036) / 0.016) ** 2)) * step(
        0.025, 0.033, c.z
    )
    brow = np.exp(-((c.side / 0.011) ** 2 + ((c.y - 0.02) / 0.02) ** 2))
    grow = c.skin * keep * (1 - muzzle) * (1 - 0.3 * brow)
    eyes = np.exp(-(((c.side - 0.030) / 0.024) ** 2 + ((c.y + 0.012) / 0.016) ** 2)) * c.front
    grow = np.asarray(grow * (1 - 0.5 * eyes), np.float32)
    sketch.over(colour * 0.40, 0.92 * c.blur(grow, 3))
    for k, layer in enumerate(fur):
        visible = step(0.05, -0.05, layer.rank - 1.1 * layer.at_roots(grow))
        low, high = ((0.3, 0.8), (0.5, 1.4), (0.9, 2.8))[k]
        cover = layer.show(np.asarray(visible, np.float32)) * keep * c.skin
        sketch.over(colour * layer.tones(low, high)[..., None], 0.8 * cover)
    sketch.over(
        rgb(18, 15, 15),
        0.94 * step(0.25, 0.6, muzzle) * step(-0.024, -0.030, c.y),
    )
    sunken_eyes(sketch, 0.55, (0.9, 1, 1))
    sketch.over(rgb(46, 26, 24), 0.7 * sketch.lips)
    sketch.hair = np.maximum(sketch.hair, grow)
    luminous_iris(sketch, rgb(255, 176, 24))


def _fur(canvas: Canvas) -> list[Layer]:
    """Strokes over the whole head, away from the nose."""
    c = canvas
    flow = np.zeros_like(c.position)
    flow[..., 0] = np.tanh(c.x / 0.012) * (0.9 + 0.4 * step(0.02, -0.06, c.y))
    flow[..., 1] = -0.9 + 1.9 * step(0.005, 0.03, c.y)
    flow[..., 2] = -0.8 * step(0.02, 0.05, c.side)
    for k in range(3):
        flow[..., k] += 0.35 * noise(c.position, 0.012, 90 + k, 2)
    direction = c.tangent(flow)
    return [
        trace(c, c.skin, direction, 12000, 0.013, 95 + k, jitter=0.3, curl=0.02) for k in range(3)
    ]


def paint_alien(sketch: Sketch) -> None:
    """Green scaled skin, large black almond eyes."""
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    green = (0.30 + 0.9 * grey) * np.array([0.50, 0.82, 0.42], np.float32)
    sketch.over(green, 0.96 * c.skin)
    mottle = step(0.1, 0.8, sketch.patches + 0.5 * sketch.medium)
    sketch.darken(0.5 * mottle * c.skin, (0.95, 0.55, 0.75))
    scales = c.once(cell_map, 0.0075, 55)
    zone = step(0.02, 0.05, c.y) + step(0.04, 0.065, c.side) * (c.y > -0.1)
    sketch.darken(
        0.45 * step(0.16, 0.04, scales[..., 1] - scales[..., 0]) * np.clip(zone, 0, 1) * c.skin,
        (1, 0.7, 1),
    )
    dx, dy = (c.side - 0.0315) / 0.0195, (c.y - 0.0015 - 0.28 * (c.side - 0.0315)) / 0.0125
    almond = step(1.04, 0.94, np.hypot(dx, dy)) * c.front
    sketch.over(rgb(10, 10, 14), 0.97 * almond)
    glint = np.exp(-(((c.side - 0.026) / 0.004) ** 2 + ((c.y - 0.007) / 0.0022) ** 2)) * almond
    sketch.over(rgb(190, 214, 220), 0.55 * glint)
    globe = c.once(Globe)
    rows, columns = globe.index
    sketch.colour[rows, columns] = rgb(10, 10, 14)
    sketch.over(rgb(66, 92, 60), 0.8 * sketch.lips)
