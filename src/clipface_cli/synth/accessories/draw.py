"""Pictures of painted people with and without hats and glasses, drawn at random.

They teach the accessory detector, so everything else varies too: hair, light, background, pose,
sharpness, colour. Numbers stand in `tables/accessories`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.geometry import batch_normals
from clipface_cli.head import HeadModel
from clipface_cli.synth.accessories import garments
from clipface_cli.synth.accessories.cloth import blobs, cloth, colour, hair_colour, strands
from clipface_cli.synth.accessories.garments import Frame, Measures, Part, Points, Random, Seat
from clipface_cli.synth.accessories.hats import BAND, BRIM, HATS, SHAPES
from clipface_cli.synth.accessories.scene import BODY, Scene, camera_effects
from clipface_cli.synth.expressions import draw_expression, random_units
from clipface_cli.synth.tables import table

_TILE = 256  # pixels of a quarter of the texture: head, hat, hair, glasses
_HAT, _HAIR, _GLASSES = 1, 2, 3  # quarters of the texture after the body's


@dataclass(frozen=True)
class AccessoryPicture:
    """image (R, R, 3) sRGB, and what is on the head: a name of `HATS`, glasses or sunglasses."""

    image: NDArray[np.uint8]
    headwear: str | None
    eyewear: str | None


def draw_accessory(
    head: HeadModel, textures: Sequence[Tensor], random: Random, resolution: int = 192
) -> AccessoryPicture:
    """A random person with or without a hat and glasses; resolution: pixels a side.

    textures: painted UV maps (3, T, T) in -1..1 to choose from.
    """
    t = table("accessories").people
    hat = str(random.choice(HATS)) if random.random() < t.hat else None
    eyewear = None
    if random.random() < t.eyewear:
        eyewear = "sunglasses" if random.random() < t.sunglasses else "glasses"
    vertices = _pose(head, random)
    atlas = np.zeros((2 * _TILE, 2 * _TILE, 3), np.float32)
    skin = textures[int(random.integers(len(textures)))]
    _fill(atlas, BODY, _skin(skin, random))
    body = Part(vertices, head.faces.numpy(), _vertex_uv(head))
    measures = Measures.of(head, vertices)
    parts = _hair(head, vertices, measures, hat, atlas, random)
    parts += _hat(hat, measures, atlas, random) if hat else []
    frame, lenses, opacity = _glasses(eyewear, measures, atlas, random)
    scene = Scene(head, body, atlas, random, resolution)
    image = scene.render([*parts, *frame])
    if lenses:
        image += opacity * (scene.render([*parts, *frame, *lenses]) - image)
    return AccessoryPicture(camera_effects(image, random), hat, eyewear)


def _pose(head: HeadModel, random: Random) -> Points:
    """Vertices (V, 3) of a random person with a random expression, facing ahead."""
    t = table("accessories").pose
    expression = head.expression_from_units(random_units(draw_expression(random, *t.lines), random))
    shape = torch.from_numpy(t.shape * random.standard_normal((1, head.shape_size))).float()
    return head(shape, expression[None], torch.zeros(1, 6))[0].double().numpy()


@cache
def _vertex_uv(head: HeadModel) -> Points:
    """One place (V, 2) in the texture for each vertex; seams lie where hair or neck are."""
    uv = np.zeros((len(head.template), 2))
    uv[head.faces.numpy()] = head.uv.numpy()[head.uv_faces.numpy()]
    return uv


def _skin(texture: Tensor, random: Random) -> NDArray[np.float32]:
    """The painted map at the tile's size, 0..1, a little redder, darker ... than painted."""
    t = table("accessories").skin
    tile = torch.nn.functional.interpolate(texture[None], (_TILE, _TILE), mode="area")[0]
    pixels = tile.permute(1, 2, 0).numpy() / 2 + 0.5
    return np.asarray(pixels ** random.uniform(*t.gamma) * random.uniform(t.tint[0], t.tint[1], 3))


def _fill(atlas: NDArray[np.float32], quarter: int, tile: NDArray[np.float32]) -> None:
    top, left = quarter // 2 * _TILE, quarter % 2 * _TILE
    atlas[top : top + _TILE, left : left + _TILE] = tile


def _hair(
    head: HeadModel,
    vertices: Points,
    m: Measures,
    hat: str | None,
    atlas: NDArray[np.float32],
    random: Random,
) -> list[tuple[int, Part]]:
    """Hair with volume, long or short, or only what is painted."""
    t = table("accessories").hair
    tone = hair_colour(random)
    _fill(atlas, _HAIR, strands(tone, _TILE, random))
    if random.random() < t.painted_only or hat in ("scarf", "hood"):
        return []
    normals = batch_normals(torch.from_numpy(vertices)[None].float(), head.faces)[0].numpy()
    most = t.under_hat if hat else random.choice(t.heights)
    lumps = blobs(vertices, random.uniform(*t.lumps), random)
    rise = np.clip((vertices[:, 1] - t.low) / t.rise, t.thinnest, 1)
    height = most * (t.even + (1 - t.even) * lumps) * rise
    line = random.uniform(*t.line)
    parts = [garments.scalp_shell(head, vertices, normals, height, line)]
    if random.random() < t.long:
        ragged: Points | float = 0.0
        if random.random() < t.ragged_share:
            ragged = t.ragged_amount * random.uniform(t.ragged[0], t.ragged[1], garments.AROUND)
        bottom = -random.uniform(*t.length) - ragged
        room = random.uniform(*t.room) * (1 + t.uneven * random.random(garments.AROUND))
        bottom = np.full(garments.AROUND, bottom) - t.ends * random.random(garments.AROUND)
        parts.append(garments.curtain(m, room, t.top, bottom, random.uniform(*t.opening)))
    if not hat and random.random() < t.fringe:
        parts.append(_fringe(m, random))
    return [(_HAIR, part) for part in parts]


def _fringe(m: Measures, random: Random) -> Part:
    """Hair over the forehead, straight, ragged or swept to a side."""
    t = table("accessories").fringe
    angle = np.linspace(-1, 1, garments.AROUND) * random.uniform(*t.half_turn)
    slope, ragged = random.uniform(*t.slope), random.uniform(*t.ragged)
    bottom = random.uniform(*t.bottom) + slope * angle
    bottom = bottom + ragged * random.random(garments.AROUND)
    middle, half = (m.low + m.high)[[0, 2]] / 2, (m.high - m.low)[[0, 2]] / 2 + t.room
    rows = []
    for share in np.linspace(0, 1, 6):
        out = 1 - t.round * (1 - share) ** 2
        x, z = np.sin(angle) * half[0] * out, middle[1] + np.cos(angle) * half[1] * out
        y = m.high[1] * (1 - share) + bottom * share + t.above * (1 - share)
        rows.append(np.stack([middle[0] + x, y, z + t.bulge * np.sin(np.pi * share)], -1))
    return garments.grid(np.stack(rows, 1), both_sides=True)


def _hat(
    kind: str, m: Measures, atlas: NDArray[np.float32], random: Random
) -> list[tuple[int, Part]]:
    """Meshes of a hat; its textures go into the atlas."""
    t = table("accessories").hat
    tile = cloth(random, _TILE)
    for low, high in (BRIM, BAND):
        if random.random() < t.other_cloth:
            rows = slice(round((1 - high) * _TILE), round((1 - low) * _TILE))
            tile[rows] = cloth(random, _TILE)[rows]
    _fill(atlas, _HAT, tile)
    front, tilt = random.uniform(*t.front), random.uniform(*t.tilt)
    seat = Seat(front, front - tilt, random.uniform(*t.room))
    return [(_HAT, part) for part in SHAPES[kind](m, seat, random)]


def _glasses(
    kind: str | None, m: Measures, atlas: NDArray[np.float32], random: Random
) -> tuple[list[tuple[int, Part]], list[tuple[int, Part]], float]:
    """Frame, lenses, and how little one sees through these."""
    t = table("accessories").glasses
    if kind is None:
        return [], [], 0.0
    dark = kind == "sunglasses"
    wire = random.choice(t.wires) * random.uniform(*t.wire_varied)
    frame = Frame(
        width=random.uniform(*t.width) + t.width_dark * dark,
        height=random.uniform(*t.height) + t.height_dark * dark,
        squareness=random.choice(t.squareness),
        lift=random.choice(t.lift),
        taper=random.choice(t.taper),
        wire=wire,
        below=random.choice(t.below),
        distance=random.uniform(*t.distance),
    )
    tile = np.broadcast_to(_frame_colour(random), (_TILE, _TILE, 3)).astype(np.float32)
    if random.random() < t.patterned:
        tile = tile * (t.pattern[0] + t.pattern[1] * cloth(random, _TILE)[..., :1])
    glass = _glass(dark, random)
    tile[: _TILE // 2] = glass  # the upper half of the tile is the lenses'
    _fill(atlas, _GLASSES, tile)
    wires, lenses = garments.glasses(m, frame)
    wires = replace(wires, uv=wires.uv * (1, 0.45) + (0, 0.02))
    lenses = replace(lenses, uv=lenses.uv * (1, 0.45) + (0, 0.53))
    opacity = random.uniform(*t.dark_opacity) if dark else random.choice(t.opacity)
    return [(_GLASSES, wires)], [(_GLASSES, lenses)] if opacity else [], float(opacity)


def _frame_colour(random: Random) -> NDArray[np.float64]:
    t = table("accessories").frames
    kind = random.random()
    if kind < t.dark_below:
        return random.uniform(*t.dark) * random.uniform(t.dark_tint[0], t.dark_tint[1], 3)
    if kind < t.metal_below:
        bright = random.uniform(*t.metal)
        return bright * np.array([1, random.uniform(*t.metal_green), t.metal_blue])
    if kind < t.any_below:
        return colour(random)
    return np.array(t.horn) * random.uniform(*t.horn_varied)


def _glass(dark: bool, random: Random) -> NDArray[np.float64]:
    """Colour (rows, 1, 3) of a lens from its middle to its rim."""
    t = table("accessories").lenses
    rows = np.linspace(0, 1, _TILE // 2)[:, None, None]
    if dark:
        tint = random.uniform(*t.dark) * random.uniform(t.dark_tint[0], t.dark_tint[1], 3)
        return tint * (1 + random.uniform(*t.dark_rim) * rows)
    return np.full(3, random.uniform(*t.clear)) * (1 - random.uniform(*t.clear_rim) * rows)
