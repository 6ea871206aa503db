"""Draw painted people with and without hats and glasses, framed as FFHQ frames faces.

Made to teach a classifier what people wear, so that everything else varies at random: hair, light,
background, pose, sharpness, colour.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from clipface_cli.geometry import batch_normals
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth import garments
from clipface_cli.synth.cloth import blobs, cloth, colour, hair_colour, strands
from clipface_cli.synth.expressions import draw_expression, random_units
from clipface_cli.synth.garments import Frame, Measures, Part, Points, Random, Seat

HATS = ("beanie", "cap", "brimmed", "peaked", "headband", "scarf", "turban", "helmet", "hood")
_TILE = 256  # pixels of a quarter of the texture: head, hat, hair, glasses
_HEAD, _HAT, _HAIR, _GLASSES = range(4)
_CROWN, _BRIM, _BAND = (0.0, 0.6), (0.6, 0.8), (0.8, 1.0)  # parts of the hat's texture, upwards


@dataclass(frozen=True)
class AccessoryPicture:
    """image (R, R, 3) sRGB, and what is on the head: a name of `HATS`, glasses or sunglasses."""

    image: NDArray[np.uint8]
    headwear: str | None
    eyewear: str | None


def draw_accessory(
    head: HeadModel, textures: Sequence[Tensor], random: Random, resolution: int = 192
) -> AccessoryPicture:
    """A random person; textures: painted UV maps (3, T, T) in -1..1 to choose from."""
    hat = str(random.choice(HATS)) if random.random() < 0.5 else None
    eyewear = None
    if random.random() < 0.5:
        eyewear = "sunglasses" if random.random() < 0.35 else "glasses"
    vertices = _pose(head, random)
    atlas = np.zeros((2 * _TILE, 2 * _TILE, 3), np.float32)
    skin = textures[int(random.integers(len(textures)))]
    _fill(atlas, _HEAD, _skin(skin, random))
    body = Part(vertices, head.faces.numpy(), _vertex_uv(head))
    measures = Measures.of(head, vertices)
    worn = _hair(head, vertices, measures, hat, atlas, random)
    worn += _hat(hat, measures, atlas, random) if hat else []
    frame, lenses, opacity = _glasses(eyewear, measures, atlas, random)
    shot = _Shot(head, body, atlas, random, resolution)
    image = shot.take([*worn, *frame])
    if lenses:
        image += opacity * (shot.take([*worn, *frame, *lenses]) - image)
    return AccessoryPicture(_developed(image, random), hat, eyewear)


def _pose(head: HeadModel, random: Random) -> Points:
    """Vertices (V, 3) of a random person with a random expression, facing ahead."""
    expression = head.expression_from_units(random_units(draw_expression(random, 0.5, 0.5), random))
    shape = torch.from_numpy(0.8 * random.standard_normal((1, head.shape_size))).float()
    return head(shape, expression[None], torch.zeros(1, 6))[0].double().numpy()


@cache
def _vertex_uv(head: HeadModel) -> Points:
    """One place (V, 2) in the texture for each vertex; seams lie where hair or neck are."""
    uv = np.zeros((len(head.template), 2))
    uv[head.faces.numpy()] = head.uv.numpy()[head.uv_faces.numpy()]
    return uv


def _skin(texture: Tensor, random: Random) -> NDArray[np.float32]:
    """The painted map at the tile's size, 0..1, a little redder, darker ... than painted."""
    tile = torch.nn.functional.interpolate(texture[None], (_TILE, _TILE), mode="area")[0]
    pixels = tile.permute(1, 2, 0).numpy() / 2 + 0.5
    return np.asarray(pixels ** random.uniform(0.8, 1.25) * random.uniform(0.85, 1.1, 3))


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
    tone = hair_colour(random)
    _fill(atlas, _HAIR, strands(tone, _TILE, random))
    if random.random() < 0.2 or hat in ("scarf", "hood"):
        return []
    normals = batch_normals(torch.from_numpy(vertices)[None].float(), head.faces)[0].numpy()
    most = 0.006 if hat else random.choice([0.006, 0.02, 0.04, 0.06])
    lumps = blobs(vertices, random.uniform(0.01, 0.05), random)
    height = most * (0.35 + 0.65 * lumps) * np.clip((vertices[:, 1] + 0.06) / 0.05, 0.2, 1)
    line = random.uniform(0.045, 0.075)
    parts = [garments.scalp_shell(head, vertices, normals, height, line)]
    if random.random() < 0.4:
        length = random.uniform(0.02, 0.22, garments.AROUND) if random.random() < 0.3 else None
        bottom = -random.uniform(0.02, 0.2) - (0 if length is None else 0.15 * length)
        room = random.uniform(0.008, 0.03) * (1 + 0.3 * random.random(garments.AROUND))
        bottom = np.full(garments.AROUND, bottom) - 0.02 * random.random(garments.AROUND)
        parts.append(garments.curtain(m, room, 0.07, bottom, random.uniform(1.2, 1.9)))
    if not hat and random.random() < 0.35:
        parts.append(_fringe(m, random))
    return [(_HAIR, part) for part in parts]


def _fringe(m: Measures, random: Random) -> Part:
    """Hair over the forehead, straight, ragged or swept to a side."""
    angle = np.linspace(-1, 1, garments.AROUND) * random.uniform(0.7, 1.3)
    slope, ragged = random.uniform(-0.02, 0.02), random.uniform(0, 0.012)
    bottom = random.uniform(0.025, 0.055) + slope * angle
    bottom = bottom + ragged * random.random(garments.AROUND)
    middle, half = (m.low + m.high)[[0, 2]] / 2, (m.high - m.low)[[0, 2]] / 2 + 0.004
    rows = []
    for t in np.linspace(0, 1, 6):
        out = 1 - 0.35 * (1 - t) ** 2
        x, z = np.sin(angle) * half[0] * out, middle[1] + np.cos(angle) * half[1] * out
        y = m.high[1] * (1 - t) + bottom * t + 0.004 * (1 - t)
        rows.append(np.stack([middle[0] + x, y, z + 0.003 * np.sin(np.pi * t)], -1))
    return garments.grid(np.stack(rows, 1), both_sides=True)


def _hat(
    kind: str, m: Measures, atlas: NDArray[np.float32], random: Random
) -> list[tuple[int, Part]]:
    """Meshes of a hat; its textures go into the atlas."""
    tile = cloth(random, _TILE)
    for low, high in (_BRIM, _BAND):
        if random.random() < 0.6:
            rows = slice(round((1 - high) * _TILE), round((1 - low) * _TILE))
            tile[rows] = cloth(random, _TILE)[rows]
    _fill(atlas, _HAT, tile)
    front, tilt = random.uniform(0.035, 0.075), random.uniform(0.01, 0.06)
    seat = Seat(front, front - tilt, random.uniform(0.006, 0.014))
    return [(_HAT, part) for part in SHAPES[kind](m, seat, random)]


def _placed(part: Part, zone: tuple[float, float]) -> Part:
    """The part with its texture in a zone of the hat's."""
    v = zone[0] + 0.02 + part.uv[:, 1] * (zone[1] - zone[0] - 0.04)
    return replace(part, uv=np.stack([part.uv[:, 0], v], -1))


def _front_only(width: float, reach: float) -> Points:
    """Width (AROUND,) of a visor that reaches `reach` radians to each side."""
    share = np.cos(garments.ring_angles() / reach * np.pi / 2)
    return np.where(np.abs(garments.ring_angles()) < reach, width * share.clip(0) ** 0.5, 0.0)


def _beanie(m: Measures, seat: Seat, random: Random) -> list[Part]:
    seat = replace(seat, room=seat.room + 0.004)
    top = m.taller(random.uniform(0, 0.05))
    parts = [_placed(garments.crown(top, seat, garments.dome(random.uniform(1.8, 2.6))), _CROWN)]
    if random.random() < 0.6:
        cuff = garments.band(m, seat, random.uniform(0.025, 0.05), 0.006)
        parts.append(_placed(cuff, _BAND))
    return parts


def _cap(m: Measures, seat: Seat, random: Random) -> list[Part]:
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(1.9, 2.6))), _CROWN)]
    visor = _front_only(random.uniform(0.05, 0.085), random.uniform(0.9, 1.3))
    droop = random.uniform(-0.005, 0.03) + 0.012 * np.abs(garments.ring_angles())
    if random.random() < 0.12:
        visor = np.roll(visor, garments.AROUND // 2)
    return [*parts, _placed(garments.brim(m, seat, visor, droop), _BRIM)]


def _brimmed(m: Measures, seat: Seat, random: Random) -> list[Part]:
    height = random.uniform(0.0, 0.06)
    top = m.taller(height)
    crown = garments.crown(top, seat, garments.dome(random.uniform(2.5, 7)))
    angle = garments.ring_angles()
    width = random.uniform(0.03, 0.12) * (1 + random.uniform(-0.2, 0.2) * np.cos(2 * angle))
    droop = random.uniform(-0.03, 0.05) + random.uniform(-0.04, 0.02) * np.sin(angle) ** 2
    parts = [_placed(crown, _CROWN), _placed(garments.brim(m, seat, width, droop), _BRIM)]
    if random.random() < 0.7:
        strip = garments.band(m, seat, random.uniform(0.012, 0.035), 0.003)
        parts.append(_placed(strip, _BAND))
    return parts


def _peaked(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """A uniform's cap: an upright band, a wider flat top, mostly a visor."""
    lift = random.uniform(0.03, 0.055)
    wide = random.uniform(1.0, 1.3)
    band = garments.band(m, seat, lift, 0.002)
    profile = np.array(
        [[1.0, 0.0], [1.0, 0.35], [wide, 0.75], [wide, 0.9], [0.9 * wide, 1.0], [0, 1.05]]
    )
    top = m.taller(random.uniform(-0.01, 0.035))
    parts = [_placed(garments.crown(top, seat, profile), _CROWN), _placed(band, _BAND)]
    if random.random() < 0.8:
        visor = _front_only(random.uniform(0.03, 0.06), random.uniform(0.9, 1.4))
        droop = random.uniform(0.015, 0.045) * np.ones(garments.AROUND)
        parts.append(_placed(garments.brim(m, seat, visor, droop), _BRIM))
    return parts


def _headband(m: Measures, seat: Seat, random: Random) -> list[Part]:
    strip = garments.band(m, seat, random.uniform(0.02, 0.06), random.uniform(0.001, 0.006))
    return [_placed(strip, _BAND)]


def _scarf(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth over the head and down both cheeks."""
    seat = Seat(random.uniform(0.045, 0.075), random.uniform(-0.08, -0.04), seat.room)
    crown = garments.crown(m, seat, garments.dome(2.0))
    room = np.full(garments.AROUND, random.uniform(0.008, 0.02))
    bottom = np.full(garments.AROUND, -random.uniform(0.12, 0.2))
    drape = garments.curtain(m, room, seat.front, bottom, random.uniform(0.9, 1.3))
    return [_placed(crown, _CROWN), _placed(drape, _CROWN)]


def _turban(m: Measures, seat: Seat, random: Random) -> list[Part]:
    bulge = random.uniform(1.1, 1.35)
    profile = np.array([[1.0, 0.0], [bulge, 0.3], [bulge, 0.6], [0.75, 0.95], [0, 1.05]])
    top = m.taller(random.uniform(0, 0.04))
    return [_placed(garments.crown(top, seat, profile), _CROWN)]


def _helmet(m: Measures, seat: Seat, random: Random) -> list[Part]:
    seat = replace(seat, room=random.uniform(0.018, 0.04))
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(2, 2.8))), _CROWN)]
    if random.random() < 0.5:
        edge = np.full(garments.AROUND, random.uniform(0.006, 0.03))
        parts.append(_placed(garments.brim(m, seat, edge, 0.2 * edge), _BRIM))
    return parts


def _hood(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth that stands off the head, seen beside and above the face."""
    room = random.uniform(0.015, 0.035)
    seat = Seat(random.uniform(0.06, 0.085), -0.06, room)
    crown = garments.crown(m, seat, garments.dome(2.2))
    around = np.full(garments.AROUND, room + 0.005)
    bottom = np.full(garments.AROUND, -0.19)
    drape = garments.curtain(m, around, seat.front, bottom, random.uniform(1.0, 1.4))
    return [_placed(crown, _CROWN), _placed(drape, _CROWN)]


SHAPES = dict(
    zip(
        HATS,
        (_beanie, _cap, _brimmed, _peaked, _headband, _scarf, _turban, _helmet, _hood),
        strict=True,
    )
)


def _glasses(
    kind: str | None, m: Measures, atlas: NDArray[np.float32], random: Random
) -> tuple[list[tuple[int, Part]], list[tuple[int, Part]], float]:
    """Frame, lenses, and how little one sees through these."""
    if kind is None:
        return [], [], 0.0
    dark = kind == "sunglasses"
    wire = random.choice([0.0007, 0.0011, 0.0018, 0.0028]) * random.uniform(0.8, 1.2)
    frame = Frame(
        width=random.uniform(0.019, 0.027) + 0.003 * dark,
        height=random.uniform(0.012, 0.023) + 0.002 * dark,
        squareness=random.choice([2.0, 2.4, 3.0, 5.0]),
        lift=random.choice([0.0, 0.0, 0.003, 0.008]),
        taper=random.choice([0.0, 0.12, -0.1]),
        wire=wire,
        below=random.choice([1.0, 1.0, 1.0, 0.3]),
        distance=random.uniform(0.010, 0.018),
    )
    tile = np.broadcast_to(_frame_colour(random), (_TILE, _TILE, 3)).astype(np.float32)
    tile = tile * (0.75 + 0.5 * cloth(random, _TILE)[..., :1]) if random.random() < 0.3 else tile
    glass = _glass(dark, random)
    tile[: _TILE // 2] = glass  # the upper half of the tile is the lenses'
    _fill(atlas, _GLASSES, tile)
    wires, lenses = garments.glasses(m, frame)
    wires = replace(wires, uv=wires.uv * (1, 0.45) + (0, 0.02))
    lenses = replace(lenses, uv=lenses.uv * (1, 0.45) + (0, 0.53))
    opacity = random.uniform(0.6, 0.98) if dark else random.choice([0.0, 0.06, 0.15, 0.3])
    return [(_GLASSES, wires)], [(_GLASSES, lenses)] if opacity else [], float(opacity)


def _frame_colour(random: Random) -> NDArray[np.float64]:
    kind = random.random()
    if kind < 0.45:
        return random.uniform(0.01, 0.15) * random.uniform(0.8, 1.2, 3)
    if kind < 0.7:
        return random.uniform(0.4, 0.85) * np.array([1, random.uniform(0.8, 1), 0.75])
    return colour(random) if kind < 0.85 else np.array([0.35, 0.2, 0.1]) * random.uniform(0.5, 1.8)


def _glass(dark: bool, random: Random) -> NDArray[np.float64]:
    """Colour (rows, 1, 3) of a lens from its middle to its rim."""
    rows = np.linspace(0, 1, _TILE // 2)[:, None, None]
    if dark:
        tint = random.uniform(0.01, 0.2) * random.uniform(0.6, 1.4, 3)
        return tint * (1 + random.uniform(0, 1.5) * rows)
    return np.full(3, random.uniform(0.5, 1.0)) * (1 - random.uniform(0, 0.4) * rows)


class _Shot:
    """One person before one background, from one side, in one light; takes parts on and off."""

    def __init__(
        self,
        head: HeadModel,
        body: Part,
        atlas: NDArray[np.float32],
        random: Random,
        resolution: int,
    ) -> None:
        self._body, self._resolution = body, resolution
        self._atlas = torch.from_numpy(atlas).permute(2, 0, 1)[None].clamp(0, 1) * 2 - 1
        yaw, pitch = random.normal(0, 0.3), random.normal(0, 0.15)
        self._camera = _frame_ffhq(head, body.points, yaw, pitch, random)
        self._light = _light(random)
        self._behind = _background(resolution, random)

    def take(self, worn: Sequence[tuple[int, Part]]) -> NDArray[np.float32]:
        """Image (R, R, 3) in 0..1: what the surfaces' colours and their light come to."""
        whole = garments.join([_tiled(self._body, _HEAD), *(_tiled(p, q) for q, p in worn)])
        points = torch.from_numpy(whole.points).float()[None]
        faces = torch.from_numpy(whole.faces.copy())
        normals = batch_normals(self._camera.to_view(points), faces)[0].numpy()
        lit = self._light[:4] @ np.concatenate([np.ones((len(normals), 1)), normals], 1).T
        lit += self._light[4] * (normals @ self._light[5:]).clip(0)
        ramp = torch.linspace(-1, 1, 256).expand(1, 3, 2, 256).contiguous()
        levels = np.stack([(lit / 2).clip(0, 1) * 255 / 256 + 0.5 / 256, 0.5 + 0 * lit], -1)
        color, alpha = self._draw(points, faces, whole.uv, self._atlas)
        bright, _ = self._draw(points, faces, levels, ramp)
        covered = alpha * (color * bright * 2).clip(0, 1)
        return np.asarray(covered + (1 - alpha) * self._behind, np.float32)

    def _draw(
        self, points: Tensor, faces: Tensor, uv: Points, texture: Tensor
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Colours of what is seen (R, R, 3) in 0..1 and coverage (R, R, 1)."""
        renderer = Renderer(_Mesh(faces, uv), self._resolution, background=0.0)
        with torch.inference_mode():
            image, alpha = renderer(points, texture, self._camera)
        covered = alpha[0].permute(1, 2, 0).numpy()
        color = image[0].permute(1, 2, 0).numpy() / np.maximum(covered, 1e-3)
        return color / 2 + 0.5, covered


class _Mesh:
    """Triangles as the renderer wants them."""

    def __init__(self, faces: Tensor, uv: Points) -> None:
        self.faces = self.uv_faces = faces
        self.uv = torch.from_numpy(uv).float()
        self.masks: dict[str, Tensor] = {}


def _tiled(part: Part, quarter: int) -> Part:
    """The part with its texture in a quarter of the atlas."""
    corner = (quarter % 2 * 0.5, 0.5 - quarter // 2 * 0.5)
    return replace(part, uv=part.uv.clip(0.01, 0.99) * 0.5 + corner)


def _frame_ffhq(
    head: HeadModel, points: Points, yaw: float, pitch: float, random: Random
) -> Camera:
    """A camera on FFHQ's square around the turned head, missed by a little."""
    turn = Camera(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([yaw]), torch.tensor([pitch]))
    seen = turn.to_view(torch.from_numpy(points).float()[None])[0].numpy()
    eyes, lips = (head.masks[name].numpy() > 0.5 for name in ("eyes", "lips"))
    left, right = (seen[eyes & (points[:, 0] * side > 0), :2].mean(0) for side in (-1, 1))
    middle, mouth = (left + right) / 2, seen[lips, :2].mean(0)
    half = max(2.0 * np.hypot(*(right - left)), 1.8 * np.hypot(*(mouth - middle)))
    half *= random.uniform(0.92, 1.1)
    centre = middle + 0.1 * (mouth - middle) + half * random.uniform(-0.05, 0.05, 2)
    params = torch.tensor([[1 / half, -centre[0], -centre[1]]], dtype=torch.float32)
    return replace(turn, params=params)


def _light(random: Random) -> NDArray[np.float64]:
    """(8,): ambient light, its slope along x, y, z, a key light's strength and its direction."""
    key = np.array([random.normal(0, 0.8), random.normal(0.4, 0.5), 0.9])
    ambient, slope = random.uniform(0.4, 0.95), random.normal(0, 0.1, 3)
    return np.array([ambient, *slope, random.uniform(0, 0.7), *key / np.linalg.norm(key)])


def _background(size: int, random: Random) -> NDArray[np.float32]:
    """(size, size, 3) in 0..1: colour clouds, shapes, and shoulders; sharp or blurred."""
    picture = Image.fromarray((cloth(random, size) * 255).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(0, 12)):
        fill = tuple(int(v) for v in colour(random) * 255)
        x, y, w, h = random.uniform((-0.2, -0.2, 0.05, 0.05), (1, 1, 0.8, 0.8)) * size
        shape = random.random()
        if shape < 0.4:
            draw.rectangle([x, y, x + w, y + h], fill=fill)
        elif shape < 0.7:
            draw.ellipse([x, y, x + w, y + h], fill=fill)
        else:
            draw.line([x, y, x + w, y + h], fill=fill, width=int(random.integers(1, 12)))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.choice([0, 1, 3, 8]))))
    draw = ImageDraw.Draw(picture)
    fill = tuple(int(v) for v in colour(random) * 255)
    top, spread = random.uniform(0.78, 0.95) * size, random.uniform(0.3, 0.6) * size
    draw.ellipse([size / 2 - spread, top, size / 2 + spread, top + size], fill=fill)
    return np.asarray(picture, np.float32) / np.float32(255)


def _developed(image: NDArray[np.float32], random: Random) -> NDArray[np.uint8]:
    """Exposure, tint, grey, blur and noise of a camera."""
    image = (image * random.uniform(0.8, 1.2) * random.uniform(0.92, 1.08, 3)).clip(0, 1)
    image = image ** random.uniform(0.75, 1.35)
    if random.random() < 0.08:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    picture = Image.fromarray((image * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.choice([0, 0, 0.6, 1.2]))))
    noise = random.normal(0, random.choice([0, 2, 5]), (*picture.size, 1))
    return np.asarray((np.asarray(picture, np.float32) + noise).clip(0, 255), np.uint8)
