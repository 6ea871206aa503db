"""Paint a person's UV texture: skin, features, hair, make-up, look, then soft baked light."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from clipface_cli.portrait import baked_light
from clipface_cli.synth.painting.beard import paint_beard
from clipface_cli.synth.painting.brows import paint_brows
from clipface_cli.synth.painting.canvas import Canvas
from clipface_cli.synth.painting.eyes import paint_catch_light, paint_eyes, paint_lids, paint_mouth
from clipface_cli.synth.painting.fields import Field, bump, ramp, to_srgb8
from clipface_cli.synth.painting.hair import paint_hair
from clipface_cli.synth.painting.lips import paint_lips, paint_lipstick
from clipface_cli.synth.painting.looks import paint_look
from clipface_cli.synth.painting.makeup import paint_makeup
from clipface_cli.synth.painting.pigment import paint_skin
from clipface_cli.synth.painting.state import Painting
from clipface_cli.synth.painting.wrinkles import paint_wrinkles
from clipface_cli.synth.people.person import Person
from clipface_cli.synth.tables import table

_LAYERS = (
    paint_skin,
    paint_wrinkles,
    paint_lips,
    paint_mouth,
    paint_lids,
    paint_eyes,
    paint_beard,
    paint_makeup,
    paint_lipstick,
    paint_brows,
    paint_hair,
    paint_look,
)


def paint(person: Person, canvas: Canvas) -> NDArray[np.uint8]:
    """UV texture (R, R, 3) sRGB uint8, row 0 at the top, with soft symmetric light baked in."""
    painting = Painting(canvas, person)
    for layer in _LAYERS:
        layer(painting)
    _bake_light(painting)
    if person.look not in ("statue", "alien"):
        paint_catch_light(painting)
    return to_srgb8(painting.colour)


def _bake_light(painting: Painting) -> None:
    t = table("light").sheen
    light, sheen = painting.canvas.once(_light)
    painting.colour *= light
    sheen = sheen * (1 - painting.hair) * (1 - t.wrinkles * np.clip(painting.relief, 0, 1))
    painting.colour += (t.amount * sheen)[..., None]
    np.clip(painting.colour, t.darkest, 1, out=painting.colour)


def _light(canvas: Canvas) -> tuple[Field, Field]:
    """Factor (R, R, 3) of occlusion, cavities and a frontal key, and sheen (R, R) on the skin."""
    c, t, g = canvas, table("light").inside, table("light").grooves
    groove = np.clip(c.cavity, 0, g.most)[..., None]
    shade = baked_light(c.occlusion, c.normal)
    shade = shade * (1 - g.amount * groove * np.array(g.channels))
    shade = shade * (1 + g.ridges * np.clip(-c.cavity, 0, 1))[..., None]
    eyes = ramp(t.eyes, c.region["eyes"])[..., None]
    inside = (1 - c.skin)[..., None] * (1 - eyes)
    shade = shade * (1 - inside) + np.clip(shade, t.darkest, 1) * inside
    teeth = ramp(t.teeth, c.region["teeth"])[..., None]
    shade = shade * (1 - teeth) + teeth
    white = (t.eye_light - t.eye_shade * c.upper_lash * bump(c.lash, *t.eye_band))[..., None]
    light = shade * (1 - eyes) + white * eyes
    facing = np.clip(c.normal @ np.array(table("light").sheen.toward, np.float32), 0, 1)
    sheen = facing ** table("light").sheen.power * c.skin
    return np.asarray(light, np.float32), np.asarray(sheen, np.float32)
