"""Looks of figures and costumes: statue, clown, robot, doll, Mona Lisa, witcher, make-up."""

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
    veins,
)
from clipface_cli.synth.eyes import Globe, paint_lash_line
from clipface_cli.synth.fields import Field, bump, curve, noise, step
from clipface_cli.synth.lips import lip_edge, lip_zone
from clipface_cli.synth.pigment import zones
from clipface_cli.synth.sketch import LUMA, Sketch


def paint_statue(sketch: Sketch) -> None:
    """Marble, eyes and hair included."""
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    relief = np.clip(0.80 + 0.9 * (grey - c.blur(grey[..., 0], 9)[..., None]), 0.35, 1.1)
    stone = rgb(214, 211, 204) * relief
    stone = stone * (1 + 0.04 * sketch.coarse)[..., None]
    stone = stone * (1 - 0.30 * c.once(_marble)[..., None] * np.array([1, 0.95, 0.85]))
    sketch.over(stone, np.ones_like(c.x))
    globe = c.once(Globe)
    rows, columns = globe.index
    blank = np.repeat(rgb(196, 193, 187)[None], len(rows), 0)
    blank *= (1 - 0.25 * bump(globe.radius, 1.0, 0.10) - 0.35 * step(0.42, 0.3, globe.radius))[
        :, None
    ]
    sketch.colour[rows, columns] = blank
    sketch.darken(0.25 * sketch.lips, (1, 1, 1))
    line = bump(c.mouth, 0, 0.0012) * c.skin
    sketch.darken(0.5 * line, (1, 1, 1))


def _marble(canvas: Canvas) -> Field:
    """Veins of the stone, 0..1 (R, R)."""
    warped = canvas.position + 0.010 * noise(canvas.position, 0.02, 61)[..., None]
    return np.asarray(step(0.90, 1.0, 1 - np.abs(noise(warped, 0.045, 62, 4, 0.55))))


def paint_clown(sketch: Sketch) -> None:
    """White face, red nose and grin, blue lids, rouge discs."""
    c = sketch.canvas
    oval = np.sqrt((c.side / 0.082) ** 2 + ((c.y + 0.022) / 0.102) ** 2) + 0.012 * c.wobble[0]
    face = step(1.03, 0.95, oval) * step(-0.075, -0.055, c.z) * c.skin
    white = rgb(240, 238, 234) * (1 + 0.03 * c.wobble[0])[..., None]
    bare = np.asarray(face * (1 - 0.9 * step(0.4, 0.8, sketch.hair)), np.float32)
    sketch.over(
        white.astype(np.float32) * (1 - 0.35 * np.clip(sketch.relief, 0, 1))[..., None], 0.93 * bare
    )
    grin = _clown_mouth(sketch)
    sketch.over(rgb(206, 16, 22), 0.95 * grin)
    sketch.darken(
        0.75 * bump(lip_edge(sketch), 0, 0.0009) * lip_zone(sketch),
        (0.6, 1, 1),
    )
    nose = step(0.0175, 0.0155, np.hypot(c.x, (c.y + 0.035) * 1.05)) * step(0.022, 0.030, c.z)
    sketch.over(rgb(222, 20, 26), 0.97 * nose)
    shine = np.exp(-(((c.x - 0.004) / 0.003) ** 2 + ((c.y + 0.030) / 0.003) ** 2)) * nose
    sketch.over(rgb(255, 190, 180), 0.6 * shine)
    upright = (
        step(0.0036, 0.0026, np.abs(c.side - 0.031))
        * step(-0.036, -0.030, c.y + 2 * np.abs(c.side - 0.031))
        * step(0.040, 0.034, c.y + 3 * np.abs(c.side - 0.031))
    )
    blue = rgb(30, 72, 190)
    arch = (
        step(0.019, 0.0175, np.hypot((c.side - 0.031) * 0.95, c.y - 0.010))
        * step(0.006, 0.009, c.y)
        * c.front
    )
    sketch.over(blue, 0.85 * arch * step(0.0025, 0.004, c.lash))
    sketch.over(
        rgb(16, 16, 22),
        0.9 * upright * c.front * step(0.0015, 0.003, c.lash) * (c.y < 0.004),
    )
    brow = np.abs(c.y - 0.035 - 0.004 * np.cos((c.side - 0.031) / 0.016 * 1.4)) < 0.0017
    brow = brow * step(0.020, 0.017, np.abs(c.side - 0.031)) * c.front
    sketch.over(rgb(18, 14, 16), 0.95 * brow)
    disc = (
        step(0.0115, 0.0100, np.hypot(c.side - 0.048, c.y + 0.042))
        * c.skin
        * step(-0.05, -0.03, c.z)
    )
    sketch.over(rgb(232, 92, 100), 0.8 * disc * (1 - grin))
    paint_lash_line(sketch)


def _clown_mouth(sketch: Sketch) -> Field:
    """A wide painted grin round the lips."""
    c = sketch.canvas
    lift = 0.010 * (c.side / 0.036) ** 2
    y = c.y - lift
    top = curve(c.side, [0, 0.006, 0.02, 0.032, 0.039], [-0.0565, -0.0545, -0.056, -0.060, -0.0675])
    low = curve(
        c.side, [0, 0.012, 0.024, 0.034, 0.039], [-0.0875, -0.0865, -0.081, -0.073, -0.0675]
    )
    inside = np.minimum(top - y, y - low)
    return np.asarray(step(-0.0004, 0.0008, inside) * c.front, np.float32)


def paint_robot(sketch: Sketch) -> None:
    """Steel plates with seams and rivets, glowing irises."""
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    steel = 0.22 + 0.35 * np.clip(c.normal[..., 1:2] * 0.5 + 0.6, 0, 1) + 0.25 * grey
    metal = steel * np.array([0.86, 0.93, 1.0], np.float32)
    sketch.over(metal, 0.97 * c.skin)
    seams = np.minimum.reduce(
        [
            np.abs(c.side - 0.048 - 0.35 * (c.y + 0.02)),
            np.abs(c.y - 0.048),
            np.abs(c.y + 0.052 + 0.3 * (c.side - 0.03)) + 0.1 * (c.side < 0.026),
            np.abs(c.x) + 0.1 * (c.y < 0.012),
            np.abs(c.side - 0.024) + 0.1 * (c.y > -0.07),
        ]
    )
    groove = step(0.0014, 0.0005, seams) * c.skin
    sketch.darken(0.85 * groove, (1, 1, 1))
    light = bump(seams, 0.0022, 0.0008) * c.skin
    sketch.colour *= (1 + 0.35 * light)[..., None]
    rivets = np.hypot(np.mod(c.side, 0.014) - 0.007, np.mod(c.y, 0.014) - 0.007)
    rivet = step(0.0016, 0.0009, rivets) * step(0.044, 0.048, c.y) * c.skin
    sketch.darken(0.5 * rivet, (1, 1, 1))
    luminous_iris(sketch, rgb(60, 220, 255))
    sunken_eyes(sketch, 0.5, (1, 0.9, 0.8))
    sketch.darken(0.4 * sketch.lips, (1, 1, 1))


def paint_barbie(sketch: Sketch) -> None:
    """Smooth vinyl skin."""
    c = sketch.canvas
    bare = bare_skin(sketch) * (1 - sketch.lips) * step(0.010, 0.016, c.lash)
    bare *= 1 - 0.9 * step(0.05, 0.3, sketch.relief)
    plastic = rgb(246, 204, 178) * (1 - 0.06 * zones(c).neck)[..., None]
    rose = zones(c).cheeks[..., None] * np.array([0.0, 0.22, 0.14], np.float32)
    sketch.over(plastic * (1 - rose), 0.75 * bare)
    globe = c.once(Globe)
    rows, columns = globe.index
    white = step(1.02, 1.12, globe.radius)[:, None] * 0.5
    eye = sketch.colour[rows, columns]
    sketch.colour[rows, columns] = eye + (rgb(244, 244, 246) - eye) * white


def paint_mona_lisa(sketch: Sketch) -> None:
    """Old varnish, sfumato shadows, craquelure, dark hair under a veil, a dark dress."""
    c = sketch.canvas
    bare = bare_skin(sketch)
    varnish = np.array([1.06, 0.86, 0.50], np.float32)
    grey = (sketch.colour @ LUMA)[..., None]
    sketch.over(0.55 * sketch.colour * varnish + 0.68 * grey * varnish, 0.92 * np.ones_like(c.x))
    turn = step(0.90, 0.30, c.normal[..., 2]) * c.skin
    sketch.darken(0.72 * turn * bare, (0.78, 0.92, 1.0))
    sketch.over(rgb(150, 74, 50), 0.42 * sketch.lips)
    rose = zones(c).cheeks + 0.6 * zones(c).nose
    sketch.over(rgb(206, 140, 88), 0.35 * rose)
    sunken_eyes(sketch, 0.30, (0.8, 0.95, 1.0))
    smoke = np.exp(-(((c.side - 0.026) / 0.006) ** 2 + ((c.y + 0.063) / 0.005) ** 2)) * c.front
    under = np.exp(-((c.side / 0.014) ** 2 + ((c.y + 0.0835) / 0.004) ** 2)) * c.front
    sketch.darken(0.45 * smoke + 0.35 * under, (0.7, 0.95, 1.0))
    cell = c.once(cell_map, 0.0062, 131)
    craquelure = step(0.10, 0.02, cell[..., 1] - cell[..., 0])
    sketch.darken(0.10 * craquelure * c.skin, (0.9, 1.0, 1.0))
    locks = -0.030 + 0.25 * np.clip(c.y - 0.02, 0, 1) - 0.25 * np.clip(-0.075 - c.y, 0, 1)
    fall = step(-0.002, 0.006, locks - c.z + 0.002 * c.wobble[3]) * step(0.040, 0.052, c.side)
    waves = 0.7 + 0.5 * np.abs(np.sin(c.z / 0.0035 + 1.6 * np.sin(c.y / 0.011)))
    fall = fall * step(-0.16, -0.14, c.y) * c.skin
    tress = sketch.hair_colour() * np.array([1.0, 0.8, 0.55]) * 0.8 * waves[..., None]
    sketch.over(tress, 0.92 * fall)
    veil = bump(c.y - 0.35 * c.side, 0.061, 0.0016) * step(-0.03, 0.0, c.z) * c.skin
    sketch.darken(0.6 * veil, (1, 1, 1))
    dress = step(-0.150, -0.156, c.y - 0.20 * c.side) * c.skin
    sketch.over(rgb(42, 36, 22), 0.95 * dress)


def paint_witcher(sketch: Sketch) -> None:
    """Pale skin, a scar over the eye, cat eyes, dark veins."""
    c = sketch.canvas
    drain(sketch, 0.6, (1.0, 0.99, 0.98), bare_skin(sketch))
    sunken_eyes(sketch, 0.45, (0.8, 0.95, 0.9))
    veins(sketch, 173, 0.6, (0.8, 0.8, 0.6))
    gaunt(sketch, 0.25)
    luminous_iris(sketch, rgb(255, 190, 30), slit=0.26)
    line = c.x - 0.034 + 0.12 * (c.y + 0.005) + 0.0006 * c.wobble[3]
    scar = step(0.0016, 0.0006, np.abs(line)) * step(-0.050, -0.044, c.y) * step(0.044, 0.036, c.y)
    scar = np.asarray(scar * step(0.003, 0.005, c.lash) * c.front, np.float32)
    sketch.over(rgb(196, 128, 118), 0.85 * scar)
    beside = bump(np.abs(line), 0.0024, 0.0010) * step(-0.05, -0.044, c.y) * step(0.044, 0.036, c.y)
    sketch.darken(0.25 * beside * c.front, (0.6, 1, 1))


def paint_gothic(sketch: Sketch) -> None:
    """White foundation, black smoke round the eyes, black tears."""
    c = sketch.canvas
    cover = np.asarray(
        0.6 * bare_skin(sketch) * (1 - sketch.lips) * step(0.008, 0.016, c.lash), np.float32
    )
    sketch.over(rgb(240, 232, 232) * (1 - 0.3 * np.clip(sketch.relief, 0, 1))[..., None], cover)
    smoke = step(0.0135, 0.002, c.lash) * c.front
    sketch.over(rgb(18, 14, 20), 0.85 * smoke)
    tear = step(0.0013, 0.0006, np.abs(c.side - 0.030 - 0.0003 * c.wobble[3]))
    tear = tear * step(-0.040, -0.030, c.y) * step(-0.004, -0.010, c.y) * c.front
    sketch.over(rgb(18, 14, 18), 0.85 * tear)


def paint_party(sketch: Sketch) -> None:
    """Glitter round the eyes and on the cheek bones, a row of gems."""
    c = sketch.canvas
    glitter = c.once(cell_map, 0.0022, 141)
    distance, rank = glitter[..., 0], glitter[..., 2]
    zone = step(0.019, 0.008, c.lash) * c.upper_lash * c.front
    bone = np.exp(-(((c.side - 0.050) / 0.013) ** 2 + ((c.y + 0.020) / 0.007) ** 2)) * c.skin
    sparkle = step(0.42, 0.22, distance) * (rank < 0.75 * np.clip(zone + bone, 0, 1))
    hue = np.mod(rank * 9, 1)[..., None]
    shine = 0.55 + 0.45 * np.cos(2 * np.pi * (hue - np.array([0.0, 0.33, 0.66])))
    sketch.over(
        0.35 + 0.65 * shine,
        0.9 * sparkle * step(0.002, 0.004, c.lash),
    )
    for k in range(4):
        place = np.hypot(c.side - 0.044 - 0.0042 * k, c.y - 0.006 - 0.0045 * k)
        gem = step(0.0020, 0.0014, place) * c.skin * step(-0.07, -0.05, c.z)
        sketch.over(
            rgb(120, 240, 255) if k % 2 else rgb(255, 120, 220),
            0.95 * gem,
        )
