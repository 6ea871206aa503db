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
from clipface_cli.synth.tables import table

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
    t = table("accessories").people
    hat = str(random.choice(HATS)) if random.random() < t.hat else None
    eyewear = None
    if random.random() < t.eyewear:
        eyewear = "sunglasses" if random.random() < t.sunglasses else "glasses"
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
    return np.asarray(pixels ** random.uniform(*t.gamma) * random.uniform(*t.tint, 3))


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
    height = (
        most
        * (t.even + (1 - t.even) * lumps)
        * np.clip((vertices[:, 1] - t.low) / t.rise, t.thinnest, 1)
    )
    line = random.uniform(*t.line)
    parts = [garments.scalp_shell(head, vertices, normals, height, line)]
    if random.random() < t.long:
        length = (
            random.uniform(*t.ragged, garments.AROUND) if random.random() < t.ragged_share else None
        )
        bottom = -random.uniform(*t.length) - (0 if length is None else t.ragged_amount * length)
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
    for low, high in (_BRIM, _BAND):
        if random.random() < t.other_cloth:
            rows = slice(round((1 - high) * _TILE), round((1 - low) * _TILE))
            tile[rows] = cloth(random, _TILE)[rows]
    _fill(atlas, _HAT, tile)
    front, tilt = random.uniform(*t.front), random.uniform(*t.tilt)
    seat = Seat(front, front - tilt, random.uniform(*t.room))
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
    t = table("accessories").beanie
    seat = replace(seat, room=seat.room + t.room)
    top = m.taller(random.uniform(*t.taller))
    parts = [
        _placed(garments.crown(top, seat, garments.dome(random.uniform(*t.roundness))), _CROWN)
    ]
    if random.random() < t.cuff_share:
        cuff = garments.band(m, seat, random.uniform(*t.cuff), t.thickness)
        parts.append(_placed(cuff, _BAND))
    return parts


def _cap(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").cap
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(*t.roundness))), _CROWN)]
    visor = _front_only(random.uniform(*t.visor), random.uniform(*t.reach))
    droop = random.uniform(*t.droop) + t.droop_aside * np.abs(garments.ring_angles())
    if random.random() < t.backwards:
        visor = np.roll(visor, garments.AROUND // 2)
    return [*parts, _placed(garments.brim(m, seat, visor, droop), _BRIM)]


def _brimmed(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").brimmed
    height = random.uniform(*t.taller)
    top = m.taller(height)
    crown = garments.crown(top, seat, garments.dome(random.uniform(*t.roundness)))
    angle = garments.ring_angles()
    width = random.uniform(*t.brim) * (1 + random.uniform(*t.oval) * np.cos(2 * angle))
    droop = random.uniform(*t.droop) + random.uniform(*t.droop_aside) * np.sin(angle) ** 2
    parts = [_placed(crown, _CROWN), _placed(garments.brim(m, seat, width, droop), _BRIM)]
    if random.random() < t.band_share:
        strip = garments.band(m, seat, random.uniform(*t.band), t.thickness)
        parts.append(_placed(strip, _BAND))
    return parts


def _peaked(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """A uniform's cap: an upright band, a wider flat top, mostly a visor."""
    t = table("accessories").peaked
    lift = random.uniform(*t.band)
    wide = random.uniform(*t.wide)
    band = garments.band(m, seat, lift, t.thickness)
    profile = np.array(
        [[1.0, 0.0], [1.0, 0.35], [wide, 0.75], [wide, 0.9], [0.9 * wide, 1.0], [0, 1.05]]
    )
    top = m.taller(random.uniform(*t.taller))
    parts = [_placed(garments.crown(top, seat, profile), _CROWN), _placed(band, _BAND)]
    if random.random() < t.visor_share:
        visor = _front_only(random.uniform(*t.visor), random.uniform(*t.reach))
        droop = random.uniform(*t.droop) * np.ones(garments.AROUND)
        parts.append(_placed(garments.brim(m, seat, visor, droop), _BRIM))
    return parts


def _headband(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").headband
    strip = garments.band(m, seat, random.uniform(*t.height), random.uniform(*t.thickness))
    return [_placed(strip, _BAND)]


def _scarf(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth over the head and down both cheeks."""
    t = table("accessories").scarf
    seat = Seat(random.uniform(*t.front), random.uniform(*t.back), seat.room)
    crown = garments.crown(m, seat, garments.dome(t.roundness))
    room = np.full(garments.AROUND, random.uniform(*t.room))
    bottom = np.full(garments.AROUND, -random.uniform(*t.length))
    drape = garments.curtain(m, room, seat.front, bottom, random.uniform(*t.opening))
    return [_placed(crown, _CROWN), _placed(drape, _CROWN)]


def _turban(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").turban
    bulge = random.uniform(*t.bulge)
    profile = np.array([[1.0, 0.0], [bulge, 0.3], [bulge, 0.6], [0.75, 0.95], [0, 1.05]])
    top = m.taller(random.uniform(*t.taller))
    return [_placed(garments.crown(top, seat, profile), _CROWN)]


def _helmet(m: Measures, seat: Seat, random: Random) -> list[Part]:
    t = table("accessories").helmet
    seat = replace(seat, room=random.uniform(*t.room))
    parts = [_placed(garments.crown(m, seat, garments.dome(random.uniform(*t.roundness))), _CROWN)]
    if random.random() < t.edge_share:
        edge = np.full(garments.AROUND, random.uniform(*t.edge))
        parts.append(_placed(garments.brim(m, seat, edge, t.edge_droop * edge), _BRIM))
    return parts


def _hood(m: Measures, seat: Seat, random: Random) -> list[Part]:
    """Cloth that stands off the head, seen beside and above the face."""
    t = table("accessories").hood
    room = random.uniform(*t.room)
    seat = Seat(random.uniform(*t.front), t.back, room)
    crown = garments.crown(m, seat, garments.dome(t.roundness))
    around = np.full(garments.AROUND, room + t.drape_room)
    bottom = np.full(garments.AROUND, t.bottom)
    drape = garments.curtain(m, around, seat.front, bottom, random.uniform(*t.opening))
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
    tile = (
        tile * (t.pattern[0] + t.pattern[1] * cloth(random, _TILE)[..., :1])
        if random.random() < t.patterned
        else tile
    )
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
        return random.uniform(*t.dark) * random.uniform(*t.dark_tint, 3)
    if kind < t.metal_below:
        return random.uniform(*t.metal) * np.array(
            [1, random.uniform(*t.metal_green), t.metal_blue]
        )
    return (
        colour(random) if kind < t.any_below else np.array(t.horn) * random.uniform(*t.horn_varied)
    )


def _glass(dark: bool, random: Random) -> NDArray[np.float64]:
    """Colour (rows, 1, 3) of a lens from its middle to its rim."""
    t = table("accessories").lenses
    rows = np.linspace(0, 1, _TILE // 2)[:, None, None]
    if dark:
        tint = random.uniform(*t.dark) * random.uniform(*t.dark_tint, 3)
        return tint * (1 + random.uniform(*t.dark_rim) * rows)
    return np.full(3, random.uniform(*t.clear)) * (1 - random.uniform(*t.clear_rim) * rows)


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
    t = table("accessories").framing
    turn = Camera(torch.tensor([[1.0, 0.0, 0.0]]), torch.tensor([yaw]), torch.tensor([pitch]))
    seen = turn.to_view(torch.from_numpy(points).float()[None])[0].numpy()
    eyes, lips = (head.masks[name].numpy() > 0.5 for name in ("eyes", "lips"))
    left, right = (seen[eyes & (points[:, 0] * side > 0), :2].mean(0) for side in (-1, 1))
    middle, mouth = (left + right) / 2, seen[lips, :2].mean(0)
    half = max(t.per_eyes * np.hypot(*(right - left)), t.per_mouth * np.hypot(*(mouth - middle)))
    half *= random.uniform(*t.varied)
    centre = middle + t.lower * (mouth - middle) + half * random.uniform(*t.missed, 2)
    params = torch.tensor([[1 / half, -centre[0], -centre[1]]], dtype=torch.float32)
    return replace(turn, params=params)


def _light(random: Random) -> NDArray[np.float64]:
    """(8,): ambient light, its slope along x, y, z, a key light's strength and its direction."""
    t = table("accessories").light
    key = np.array([random.normal(*t.key_x), random.normal(*t.key_y), t.key_z])
    ambient, slope = random.uniform(*t.ambient), random.normal(*t.slope, 3)
    return np.array([ambient, *slope, random.uniform(*t.key), *key / np.linalg.norm(key)])


def _background(size: int, random: Random) -> NDArray[np.float32]:
    """(size, size, 3) in 0..1: colour clouds, shapes, and shoulders; sharp or blurred."""
    t = table("accessories").background
    picture = Image.fromarray((cloth(random, size) * 255).clip(0, 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(*t.shapes)):
        fill = tuple(int(v) for v in colour(random) * 255)
        x, y, w, h = random.uniform(t.smallest, t.largest) * size
        shape = random.random()
        if shape < t.boxes:
            draw.rectangle([x, y, x + w, y + h], fill=fill)
        elif shape < t.discs:
            draw.ellipse([x, y, x + w, y + h], fill=fill)
        else:
            draw.line([x, y, x + w, y + h], fill=fill, width=int(random.integers(*t.lines)))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.choice(t.blur))))
    draw = ImageDraw.Draw(picture)
    fill = tuple(int(v) for v in colour(random) * 255)
    top, spread = random.uniform(*t.shoulders) * size, random.uniform(*t.breadth) * size
    draw.ellipse([size / 2 - spread, top, size / 2 + spread, top + size], fill=fill)
    return np.asarray(picture, np.float32) / np.float32(255)


def _developed(image: NDArray[np.float32], random: Random) -> NDArray[np.uint8]:
    """Exposure, tint, grey, blur and noise of a camera."""
    t = table("accessories").camera
    image = (image * random.uniform(*t.exposure) * random.uniform(*t.tint, 3)).clip(0, 1)
    image = image ** random.uniform(*t.gamma)
    if random.random() < t.grey:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    picture = Image.fromarray((image * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.choice(t.blur))))
    noise = random.normal(0, random.choice(t.noise), (*picture.size, 1))
    return np.asarray((np.asarray(picture, np.float32) + noise).clip(0, 255), np.uint8)
