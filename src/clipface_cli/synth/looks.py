"""Fantasy looks: what is painted over a person, by name."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from clipface_cli.synth.eyes import _Globe, paint_lash_line
from clipface_cli.synth.fields import Field, bump, cells, curve, noise, step, to_linear
from clipface_cli.synth.lips import _near, lip_edge
from clipface_cli.synth.pigment import zones
from clipface_cli.synth.sketch import Sketch

LUMA = np.array([0.3, 0.59, 0.11], np.float32)
_HAIR_LOOKS = ("ghost", "white walker", "statue")


def paint_look(sketch: Sketch) -> None:
    """Overlay the person's look."""
    painter = _PAINTERS.get(sketch.person.look)
    if painter is None:
        return
    before = sketch.colour.copy()
    painter(sketch)
    strength = np.float32(min(1.0, 0.35 + 0.75 * sketch.person.look_strength))
    sketch.colour[:] = before + (sketch.colour - before) * strength


def _rgb(red: int, green: int, blue: int) -> Field:
    return to_linear(np.array([red, green, blue]) / 255)


def _bare(sketch: Sketch) -> Field:
    """1 on skin without hair."""
    return np.asarray((1 - sketch.hair) * sketch.canvas.skin, np.float32)


def _drain(sketch: Sketch, keep: float, tint: tuple[float, float, float], where: Field) -> None:
    """Take colour out of the skin, leaving a share of it, and tint the grey."""
    grey = (sketch.colour @ LUMA)[..., None] * np.array(tint, np.float32)
    drained = sketch.colour * keep + grey * (1 - keep)
    sketch.over(drained, where)


def _sockets(sketch: Sketch, amount: float, channels: tuple[float, float, float]) -> None:
    """Sunken shade round the eyes."""
    c = sketch.canvas
    shade = step(0.021, 0.002, c.lash * np.where(c.lash_height < 0, 0.95, 1.15)) * c.front
    sketch.darken(np.asarray(shade * amount, np.float32), channels)


def _gaunt(sketch: Sketch, amount: float) -> None:
    """Hollow cheeks and temples."""
    c = sketch.canvas
    line = np.abs(c.y + 0.052 + 0.55 * (c.side - 0.05))
    cheek = np.exp(-((line / 0.011) ** 2)) * step(0.030, 0.042, c.side) * step(0.072, 0.056, c.side)
    temple = np.exp(-(((c.side - 0.062) / 0.008) ** 2 + ((c.y - 0.025) / 0.014) ** 2))
    shade = (cheek + 0.8 * temple) * c.skin * step(-0.07, -0.045, c.z)
    sketch.darken(np.asarray(shade * amount, np.float32), (0.85, 1.0, 0.95))


def _veins(sketch: Sketch, seed: int, amount: float, channels: tuple[float, float, float]) -> None:
    """Branching dark veins, gated so that they come in few places."""
    canvas = sketch.canvas
    key = f"veins_{seed}"
    if not hasattr(canvas, key):
        tube = 1 - np.abs(noise(canvas.position, 0.024, seed, 4, 0.55) + 0.15 * canvas.grain[2])
        gate = step(0.0, 0.6, noise(canvas.position, 0.03, seed + 9))
        setattr(canvas, key, np.asarray(step(0.945, 0.995, tube) * gate, np.float32))
    sketch.darken(getattr(canvas, key) * _bare(sketch) * np.float32(amount), channels)


def _zombie(sketch: Sketch) -> None:
    c = sketch.canvas
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    _drain(sketch, 0.30, (0.60, 0.72, 0.47), skin)
    bruise = step(0.1, 1.0, sketch.coarse + 0.4 * sketch.medium)
    sketch.darken(np.asarray(0.45 * bruise * _bare(sketch), np.float32), (0.85, 0.8, 0.65))
    _veins(sketch, 73, 0.5, (0.9, 0.75, 0.5))
    _gaunt(sketch, 0.5)
    _sockets(sketch, 0.82, (0.80, 0.95, 0.88))
    field = sketch.patches + 0.30 * c.grain[1]
    clear = step(0.006, 0.010, c.lash) * step(-0.09, -0.06, c.z) * c.skin
    clear *= 1 - 0.8 * sketch.hair
    edge = step(0.22, 0.44, field) * clear
    sketch.darken(np.asarray(0.6 * edge, np.float32), (0.6, 0.92, 0.92))
    rot = np.asarray(step(0.44, 0.50, field) * clear, np.float32)
    flesh = _rgb(96, 24, 20) * (0.5 + 0.7 * np.clip(c.grain[1] + 0.6, 0, 1.3))[..., None]
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
    stain = _rgb(92, 8, 8) * (0.7 + 0.5 * np.clip(c.grain[1] + 0.5, 0, 1))[..., None]
    sketch.over(stain, np.asarray(np.clip(smear * 0.88, 0, 1), np.float32))


def _bloodshot(sketch: Sketch) -> None:
    globe: _Globe = sketch.canvas.globe
    rows, columns = globe.index
    red = step(1.0, 2.2, globe.radius)[:, None]
    sketch.colour[rows, columns] *= 1 - red * np.array([0.25, 0.6, 0.65], np.float32)


def _ghost(sketch: Sketch) -> None:
    c = sketch.canvas
    everywhere = np.ones_like(c.x)
    _drain(sketch, 0.06, (0.96, 1.02, 1.10), everywhere)
    pale = _rgb(226, 234, 244) * (1 + 0.05 * sketch.coarse)[..., None]
    sketch.over(pale.astype(np.float32), 0.62 * c.skin)
    _gaunt(sketch, 0.35)
    _sockets(sketch, 0.80, (1.0, 0.90, 0.74))
    mist = step(0.1, 0.9, sketch.patches + 0.3 * sketch.medium)
    sketch.over(_rgb(176, 196, 222), np.asarray(0.45 * mist * c.skin, np.float32))
    sketch.over(_rgb(126, 138, 160), 0.75 * sketch.lips)
    _glow_eyes(sketch, _rgb(228, 236, 244), 0.55)


def _glow_eyes(sketch: Sketch, colour: Field, amount: float) -> None:
    """Irises and whites drawn towards one light colour."""
    globe: _Globe = sketch.canvas.globe
    rows, columns = globe.index
    eye = sketch.colour[rows, columns]
    sketch.colour[rows, columns] = eye + (colour - eye) * np.float32(amount)


def _vampire(sketch: Sketch) -> None:
    c = sketch.canvas
    _drain(sketch, 0.45, (1.0, 0.98, 1.02), _bare(sketch) * (1 - sketch.lips))
    sketch.over(_rgb(238, 228, 226), 0.45 * _bare(sketch) * (1 - sketch.lips))
    _gaunt(sketch, 0.42)
    _sockets(sketch, 0.62, (0.62, 0.98, 0.86))
    for sign in (-1, 1):
        spread = 0.0016 * step(-0.073, -0.085, c.y)
        trail = bump(c.x, 0.0125 * sign + 0.0005 * sign, 0.0013) + 0.4 * bump(c.x, 0.0125 * sign, spread + 0.0008)
        length = -0.092 if sign > 0 else -0.101
        trail = trail * step(length - 0.002, length + 0.002, c.y) * step(-0.067, -0.072, c.y)
        drop = np.exp(-(((c.x - 0.013 * sign) / 0.0020) ** 2 + ((c.y - length) / 0.0026) ** 2))
        amount = np.clip(np.maximum(trail, drop) * c.front, 0, 1)
        sketch.over(_rgb(128, 6, 12), np.asarray(0.92 * amount, np.float32))
    peak = step(-0.001, 0.003, c.y - 0.050 - 1.3 * c.side + 0.001 * c.wobble[3])
    peak = peak * step(0.095, 0.085, c.y) * step(-0.05, -0.03, c.z)
    sketch.over(sketch.hair_colour() * 0.6, np.asarray(0.97 * peak * c.skin, np.float32))


def _white_walker(sketch: Sketch) -> None:
    c = sketch.canvas
    skin = np.asarray(1 - (c.region["eyes"] > 0.5), np.float32)
    grey = (sketch.colour @ LUMA)[..., None]
    ice = (grey * 0.62 + 0.10) * np.array([0.70, 0.90, 1.06], np.float32)
    sketch.over(sketch.colour * 0.12 + ice * 0.9, skin)
    if not hasattr(c, "ice_cracks"):
        cell = cells(c.position + 0.002 * c.grain[2][..., None], 0.013, 91)
        gate = step(-0.1, 0.7, noise(c.position, 0.03, 92) + 0.2 * c.wobble[3])
        c.ice_cracks = np.asarray(step(0.11, 0.02, cell[..., 1] - cell[..., 0]) * gate, np.float32)
        c.frost = noise(c.position, 0.012, 94)
    sketch.darken(0.7 * c.ice_cracks * _bare(sketch), (0.60, 0.42, 0.26))
    _gaunt(sketch, 0.5)
    _sockets(sketch, 0.78, (0.80, 0.62, 0.40))
    frost = step(0.15, 0.9, 0.7 * c.frost + 0.4 * c.wobble[6] + 0.6 * c.normal[..., 1])
    sketch.over(_rgb(236, 244, 250), np.asarray(0.34 * frost * c.skin, np.float32))
    sketch.over(_rgb(74, 98, 124), 0.7 * sketch.lips)
    globe: _Globe = c.globe
    rows, columns = globe.index
    blue = _rgb(40, 150, 255) * (0.6 + 0.9 * globe.fibres[:, None])
    iris = (step(1.08, 0.9, globe.radius) * step(0.1, 0.25, globe.radius))[:, None]
    eye = sketch.colour[rows, columns] * np.array([0.6, 0.85, 1.1])
    sketch.colour[rows, columns] = eye + (blue - eye) * iris * 0.9


def _werewolf(sketch: Sketch) -> None:
    c = sketch.canvas
    fur = _fur(sketch)
    colour = sketch.hair_colour()
    keep = step(0.006, 0.014, c.lash) * (1 - step(0.1, 0.7, sketch.lips))
    muzzle = np.exp(-((c.side / 0.013) ** 2 + ((c.y + 0.036) / 0.016) ** 2)) * step(0.025, 0.033, c.z)
    brow = np.exp(-((c.side / 0.011) ** 2 + ((c.y - 0.02) / 0.02) ** 2))
    grow = c.skin * keep * (1 - muzzle) * (1 - 0.3 * brow)
    eyes = np.exp(-(((c.side - 0.030) / 0.024) ** 2 + ((c.y + 0.012) / 0.016) ** 2)) * c.front
    grow = np.asarray(grow * (1 - 0.5 * eyes), np.float32)
    sketch.over(colour * 0.40, 0.92 * c.blur(grow, 3))
    for k, layer in enumerate(fur):
        visible = step(0.05, -0.05, layer.rank - 1.1 * layer.at_roots(grow))
        low, high = ((0.3, 0.8), (0.5, 1.4), (0.9, 2.8))[k]
        cover = layer.show(np.asarray(visible, np.float32)) * keep * c.skin
        sketch.over(colour * layer.tones(low, high)[..., None], np.asarray(0.8 * cover, np.float32))
    sketch.over(_rgb(18, 15, 15), np.asarray(0.94 * step(0.25, 0.6, muzzle) * step(-0.024, -0.030, c.y), np.float32))
    _sockets(sketch, 0.55, (0.9, 1, 1))
    sketch.over(_rgb(46, 26, 24), 0.7 * sketch.lips)
    sketch.hair = np.maximum(sketch.hair, grow)
    _iris_over(sketch, _rgb(255, 176, 24))


def _fur(sketch: Sketch):  # type: ignore[no-untyped-def]
    from clipface_cli.synth.strokes import trace

    c = sketch.canvas
    if not hasattr(c, "fur"):
        flow = np.zeros_like(c.position)
        flow[..., 0] = np.tanh(c.x / 0.012) * (0.9 + 0.4 * step(0.02, -0.06, c.y))
        flow[..., 1] = -0.9 + 1.9 * step(0.005, 0.03, c.y)
        flow[..., 2] = -0.8 * step(0.02, 0.05, c.side)
        for k in range(3):
            flow[..., k] += 0.35 * noise(c.position, 0.012, 90 + k, 2)
        direction = c.tangent(flow)
        c.fur = [trace(c, c.skin, direction, 12000, 0.013, 95 + k, jitter=0.3, curl=0.02)
                 for k in range(3)]
    return c.fur


def _iris_over(sketch: Sketch, colour: Field, slit: float = 0.0) -> None:
    """Replace the iris by a luminous one, with an upright slit pupil when slit > 0."""
    globe: _Globe = sketch.canvas.globe
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


def _witcher(sketch: Sketch) -> None:
    c = sketch.canvas
    _drain(sketch, 0.6, (1.0, 0.99, 0.98), _bare(sketch))
    _sockets(sketch, 0.45, (0.8, 0.95, 0.9))
    _veins(sketch, 173, 0.6, (0.8, 0.8, 0.6))
    _gaunt(sketch, 0.25)
    _iris_over(sketch, _rgb(255, 190, 30), slit=0.26)
    line = c.x - 0.034 + 0.12 * (c.y + 0.005) + 0.0006 * c.wobble[3]
    scar = step(0.0016, 0.0006, np.abs(line)) * step(-0.050, -0.044, c.y) * step(0.044, 0.036, c.y)
    scar = np.asarray(scar * step(0.003, 0.005, c.lash) * c.front, np.float32)
    sketch.over(_rgb(196, 128, 118), 0.85 * scar)
    beside = bump(np.abs(line), 0.0024, 0.0010) * step(-0.05, -0.044, c.y) * step(0.044, 0.036, c.y)
    sketch.darken(np.asarray(0.25 * beside * c.front, np.float32), (0.6, 1, 1))


def _statue(sketch: Sketch) -> None:
    """Marble, eyes and hair included."""
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    relief = np.clip(0.80 + 0.9 * (grey - c.blur(grey[..., 0], 9)[..., None]), 0.35, 1.1)
    if not hasattr(c, "marble"):
        warped = c.position + 0.010 * noise(c.position, 0.02, 61)[..., None]
        c.marble = step(0.90, 1.0, 1 - np.abs(noise(warped, 0.045, 62, 4, 0.55)))
    stone = _rgb(214, 211, 204) * relief
    stone = stone * (1 + 0.04 * sketch.coarse)[..., None]
    stone = stone * (1 - 0.30 * np.asarray(c.marble)[..., None] * np.array([1, 0.95, 0.85]))
    sketch.over(np.asarray(stone, np.float32), np.ones_like(c.x))
    globe: _Globe = c.globe
    rows, columns = globe.index
    blank = np.repeat(_rgb(196, 193, 187)[None], len(rows), 0)
    blank *= (1 - 0.25 * bump(globe.radius, 1.0, 0.10) - 0.35 * step(0.42, 0.3, globe.radius))[:, None]
    sketch.colour[rows, columns] = blank
    sketch.darken(0.25 * sketch.lips, (1, 1, 1))
    line = bump(c.mouth, 0, 0.0012) * c.skin
    sketch.darken(np.asarray(0.5 * line, np.float32), (1, 1, 1))


def _clown(sketch: Sketch) -> None:
    c = sketch.canvas
    oval = np.sqrt((c.side / 0.082) ** 2 + ((c.y + 0.022) / 0.102) ** 2) + 0.012 * c.wobble[0]
    face = step(1.03, 0.95, oval) * step(-0.075, -0.055, c.z) * c.skin
    white = _rgb(240, 238, 234) * (1 + 0.03 * c.wobble[0])[..., None]
    bare = np.asarray(face * (1 - 0.9 * step(0.4, 0.8, sketch.hair)), np.float32)
    sketch.over(white.astype(np.float32) * (1 - 0.35 * np.clip(sketch.relief, 0, 1))[..., None], 0.93 * bare)
    grin = _clown_mouth(sketch)
    sketch.over(_rgb(206, 16, 22), np.asarray(0.95 * grin, np.float32))
    sketch.darken(np.asarray(0.75 * bump(lip_edge(sketch), 0, 0.0009) * _near(sketch), np.float32), (0.6, 1, 1))
    nose = step(0.0175, 0.0155, np.hypot(c.x, (c.y + 0.035) * 1.05)) * step(0.022, 0.030, c.z)
    sketch.over(_rgb(222, 20, 26), np.asarray(0.97 * nose, np.float32))
    shine = np.exp(-(((c.x - 0.004) / 0.003) ** 2 + ((c.y + 0.030) / 0.003) ** 2)) * nose
    sketch.over(_rgb(255, 190, 180), np.asarray(0.6 * shine, np.float32))
    upright = step(0.0036, 0.0026, np.abs(c.side - 0.031)) * step(-0.036, -0.030, c.y + 2 * np.abs(c.side - 0.031)) * step(0.040, 0.034, c.y + 3 * np.abs(c.side - 0.031))
    blue = _rgb(30, 72, 190)
    arch = step(0.019, 0.0175, np.hypot((c.side - 0.031) * 0.95, c.y - 0.010)) * step(0.006, 0.009, c.y) * c.front
    sketch.over(blue, np.asarray(0.85 * arch * step(0.0025, 0.004, c.lash), np.float32))
    sketch.over(_rgb(16, 16, 22), np.asarray(0.9 * upright * c.front * step(0.0015, 0.003, c.lash) * (c.y < 0.004), np.float32))
    brow = np.abs(c.y - 0.035 - 0.004 * np.cos((c.side - 0.031) / 0.016 * 1.4)) < 0.0017
    brow = brow * step(0.020, 0.017, np.abs(c.side - 0.031)) * c.front
    sketch.over(_rgb(18, 14, 16), np.asarray(0.95 * brow, np.float32))
    disc = step(0.0115, 0.0100, np.hypot(c.side - 0.048, c.y + 0.042)) * c.skin * step(-0.05, -0.03, c.z)
    sketch.over(_rgb(232, 92, 100), np.asarray(0.8 * disc * (1 - grin), np.float32))
    paint_lash_line(sketch)


def _clown_mouth(sketch: Sketch) -> Field:
    """A wide painted grin round the lips."""
    c = sketch.canvas
    lift = 0.010 * (c.side / 0.036) ** 2
    y = c.y - lift
    top = curve(c.side, [0, 0.006, 0.02, 0.032, 0.039], [-0.0565, -0.0545, -0.056, -0.060, -0.0675])
    low = curve(c.side, [0, 0.012, 0.024, 0.034, 0.039], [-0.0875, -0.0865, -0.081, -0.073, -0.0675])
    inside = np.minimum(top - y, y - low)
    return np.asarray(step(-0.0004, 0.0008, inside) * c.front, np.float32)


def _robot(sketch: Sketch) -> None:
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    steel = (0.22 + 0.35 * np.clip(c.normal[..., 1:2] * 0.5 + 0.6, 0, 1) + 0.25 * grey)
    metal = steel * np.array([0.86, 0.93, 1.0], np.float32)
    sketch.over(np.asarray(metal, np.float32), 0.97 * c.skin)
    seams = np.minimum.reduce([
        np.abs(c.side - 0.048 - 0.35 * (c.y + 0.02)),
        np.abs(c.y - 0.048), np.abs(c.y + 0.052 + 0.3 * (c.side - 0.03)) + 0.1 * (c.side < 0.026),
        np.abs(c.x) + 0.1 * (c.y < 0.012), np.abs(c.side - 0.024) + 0.1 * (c.y > -0.07),
    ])
    groove = step(0.0014, 0.0005, seams) * c.skin
    sketch.darken(np.asarray(0.85 * groove, np.float32), (1, 1, 1))
    light = bump(seams, 0.0022, 0.0008) * c.skin
    sketch.colour *= (1 + 0.35 * light)[..., None]
    rivets = np.hypot(np.mod(c.side, 0.014) - 0.007, np.mod(c.y, 0.014) - 0.007)
    rivet = step(0.0016, 0.0009, rivets) * step(0.044, 0.048, c.y) * c.skin
    sketch.darken(np.asarray(0.5 * rivet, np.float32), (1, 1, 1))
    _iris_over(sketch, _rgb(60, 220, 255))
    _sockets(sketch, 0.5, (1, 0.9, 0.8))
    sketch.darken(0.4 * sketch.lips, (1, 1, 1))


def _alien(sketch: Sketch) -> None:
    c = sketch.canvas
    grey = (sketch.colour @ LUMA)[..., None]
    green = (0.30 + 0.9 * grey) * np.array([0.50, 0.82, 0.42], np.float32)
    sketch.over(np.asarray(green, np.float32), 0.96 * c.skin)
    mottle = step(0.1, 0.8, sketch.patches + 0.5 * sketch.medium)
    sketch.darken(np.asarray(0.5 * mottle * c.skin, np.float32), (0.95, 0.55, 0.75))
    scales = cells(c.position, 0.0075, 55) if not hasattr(c, "scales") else c.scales
    c.scales = scales
    zone = step(0.02, 0.05, c.y) + step(0.04, 0.065, c.side) * (c.y > -0.1)
    sketch.darken(np.asarray(0.45 * step(0.16, 0.04, scales[..., 1] - scales[..., 0]) * np.clip(zone, 0, 1) * c.skin, np.float32), (1, 0.7, 1))
    dx, dy = (c.side - 0.0315) / 0.0195, (c.y - 0.0015 - 0.28 * (c.side - 0.0315)) / 0.0125
    almond = step(1.04, 0.94, np.hypot(dx, dy)) * c.front
    sketch.over(_rgb(10, 10, 14), np.asarray(0.97 * almond, np.float32))
    glint = np.exp(-(((c.side - 0.026) / 0.004) ** 2 + ((c.y - 0.007) / 0.0022) ** 2)) * almond
    sketch.over(_rgb(190, 214, 220), np.asarray(0.55 * glint, np.float32))
    globe: _Globe = c.globe
    rows, columns = globe.index
    sketch.colour[rows, columns] = _rgb(10, 10, 14)
    sketch.over(_rgb(66, 92, 60), 0.8 * sketch.lips)


def _barbie(sketch: Sketch) -> None:
    """Smooth vinyl skin."""
    c = sketch.canvas
    bare = _bare(sketch) * (1 - sketch.lips) * step(0.010, 0.016, c.lash)
    bare *= 1 - 0.9 * step(0.05, 0.3, sketch.relief)
    plastic = _rgb(246, 204, 178) * (1 - 0.06 * zones(c).neck)[..., None]
    rose = zones(c).cheeks[..., None] * np.array([0.0, 0.22, 0.14], np.float32)
    sketch.over(np.asarray(plastic * (1 - rose), np.float32), np.asarray(0.75 * bare, np.float32))
    globe: _Globe = c.globe
    rows, columns = globe.index
    white = step(1.02, 1.12, globe.radius)[:, None] * 0.5
    eye = sketch.colour[rows, columns]
    sketch.colour[rows, columns] = eye + (_rgb(244, 244, 246) - eye) * white


def _mona_lisa(sketch: Sketch) -> None:
    """Old varnish, sfumato shadows, craquelure, dark hair under a veil, a dark dress."""
    c = sketch.canvas
    bare = _bare(sketch)
    varnish = np.array([1.06, 0.86, 0.50], np.float32)
    grey = (sketch.colour @ LUMA)[..., None]
    sketch.over(0.55 * sketch.colour * varnish + 0.68 * grey * varnish, 0.92 * np.ones_like(c.x))
    turn = step(0.90, 0.30, c.normal[..., 2]) * c.skin
    sketch.darken(np.asarray(0.72 * turn * bare, np.float32), (0.78, 0.92, 1.0))
    sketch.over(_rgb(150, 74, 50), 0.42 * sketch.lips)
    rose = zones(c).cheeks + 0.6 * zones(c).nose
    sketch.over(_rgb(206, 140, 88), np.asarray(0.35 * rose, np.float32))
    _sockets(sketch, 0.30, (0.8, 0.95, 1.0))
    smoke = np.exp(-(((c.side - 0.026) / 0.006) ** 2 + ((c.y + 0.063) / 0.005) ** 2)) * c.front
    under = np.exp(-((c.side / 0.014) ** 2 + ((c.y + 0.0835) / 0.004) ** 2)) * c.front
    sketch.darken(np.asarray(0.45 * smoke + 0.35 * under, np.float32), (0.7, 0.95, 1.0))
    if not hasattr(c, "craquelure"):
        cell = cells(c.position, 0.0062, 131)
        c.craquelure = np.asarray(step(0.10, 0.02, cell[..., 1] - cell[..., 0]), np.float32)
    sketch.darken(0.10 * c.craquelure * c.skin, (0.9, 1.0, 1.0))
    locks = -0.030 + 0.25 * np.clip(c.y - 0.02, 0, 1) - 0.25 * np.clip(-0.075 - c.y, 0, 1)
    fall = step(-0.002, 0.006, locks - c.z + 0.002 * c.wobble[3]) * step(0.040, 0.052, c.side)
    waves = 0.7 + 0.5 * np.abs(np.sin(c.z / 0.0035 + 1.6 * np.sin(c.y / 0.011)))
    fall = fall * step(-0.16, -0.14, c.y) * c.skin
    tress = sketch.hair_colour() * np.array([1.0, 0.8, 0.55]) * 0.8 * waves[..., None]
    sketch.over(np.asarray(tress, np.float32), np.asarray(0.92 * fall, np.float32))
    veil = bump(c.y - 0.35 * c.side, 0.061, 0.0016) * step(-0.03, 0.0, c.z) * c.skin
    sketch.darken(np.asarray(0.6 * veil, np.float32), (1, 1, 1))
    dress = step(-0.150, -0.156, c.y - 0.20 * c.side) * c.skin
    sketch.over(_rgb(42, 36, 22), np.asarray(0.95 * dress, np.float32))


def _gothic(sketch: Sketch) -> None:
    c = sketch.canvas
    cover = np.asarray(0.6 * _bare(sketch) * (1 - sketch.lips) * step(0.008, 0.016, c.lash), np.float32)
    sketch.over(_rgb(240, 232, 232) * (1 - 0.3 * np.clip(sketch.relief, 0, 1))[..., None], cover)
    smoke = step(0.0135, 0.002, c.lash) * c.front
    sketch.over(_rgb(18, 14, 20), np.asarray(0.85 * smoke, np.float32))
    tear = step(0.0013, 0.0006, np.abs(c.side - 0.030 - 0.0003 * c.wobble[3]))
    tear = tear * step(-0.040, -0.030, c.y) * step(-0.004, -0.010, c.y) * c.front
    sketch.over(_rgb(18, 14, 18), np.asarray(0.85 * tear, np.float32))


def _party(sketch: Sketch) -> None:
    """Glitter round the eyes and on the cheek bones, a row of gems."""
    c = sketch.canvas
    if not hasattr(c, "glitter"):
        c.glitter = cells(c.position, 0.0022, 141)
    distance, rank = c.glitter[..., 0], c.glitter[..., 2]
    zone = step(0.019, 0.008, c.lash) * c.upper_lash * c.front
    bone = np.exp(-(((c.side - 0.050) / 0.013) ** 2 + ((c.y + 0.020) / 0.007) ** 2)) * c.skin
    sparkle = step(0.42, 0.22, distance) * (rank < 0.75 * np.clip(zone + bone, 0, 1))
    hue = np.mod(rank * 9, 1)[..., None]
    shine = 0.55 + 0.45 * np.cos(2 * np.pi * (hue - np.array([0.0, 0.33, 0.66])))
    sketch.over(np.asarray(0.35 + 0.65 * shine, np.float32), np.asarray(0.9 * sparkle * step(0.002, 0.004, c.lash), np.float32))
    for k in range(4):
        place = np.hypot(c.side - 0.044 - 0.0042 * k, c.y - 0.006 - 0.0045 * k)
        gem = step(0.0020, 0.0014, place) * c.skin * step(-0.07, -0.05, c.z)
        sketch.over(_rgb(120, 240, 255) if k % 2 else _rgb(255, 120, 220), np.asarray(0.95 * gem, np.float32))


_PAINTERS: dict[str, Callable[[Sketch], None]] = {
    "zombie": _zombie,
    "ghost": _ghost,
    "vampire": _vampire,
    "werewolf": _werewolf,
    "white walker": _white_walker,
    "statue": _statue,
    "clown": _clown,
    "robot": _robot,
    "alien": _alien,
    "barbie doll": _barbie,
    "mona lisa": _mona_lisa,
    "witcher": _witcher,
    "gothic makeup": _gothic,
    "party makeup": _party,
}
