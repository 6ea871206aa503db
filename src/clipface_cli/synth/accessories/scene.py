"""Pictures of a person with accessories before a random background, framed as FFHQ frames faces."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from clipface_cli.geometry import batch_normals
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth.accessories import garments
from clipface_cli.synth.accessories.cloth import cloth, colour
from clipface_cli.synth.accessories.garments import Part, Points, Random
from clipface_cli.synth.tables import table

BODY = 0  # quarter of the atlas that holds the head's own texture


class Scene:
    """One person before one background, seen from one side in one light.

    body: the head's mesh. atlas: (2T, 2T, 3) texture in 0..1 of four quarters, the head's first.
    """

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
        t = table("accessories").framing
        yaw, pitch = random.normal(0, t.yaw), random.normal(0, t.pitch)
        self._camera = _frame_ffhq(head, body.points, yaw, pitch, random)
        self._light = _light(random)
        self._behind = _background(resolution, random)

    def render(self, parts: Sequence[tuple[int, Part]]) -> NDArray[np.float32]:
        """Image (R, R, 3) in 0..1 with parts, each with its quarter of the atlas, on the head."""
        whole = garments.join([_tiled(self._body, BODY), *(_tiled(p, q) for q, p in parts)])
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
    centre = (
        middle + t.lower * (mouth - middle) + half * random.uniform(t.missed[0], t.missed[1], 2)
    )
    params = torch.tensor([[1 / half, -centre[0], -centre[1]]], dtype=torch.float32)
    return replace(turn, params=params)


def _light(random: Random) -> NDArray[np.float64]:
    """(8,): ambient light, its slope along x, y, z, a key light's strength and its direction."""
    t = table("accessories").light
    key = np.array([random.normal(*t.key_x), random.normal(*t.key_y), t.key_z])
    ambient, slope = random.uniform(*t.ambient), random.normal(t.slope[0], t.slope[1], 3)
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


def camera_effects(image: NDArray[np.float32], random: Random) -> NDArray[np.uint8]:
    """Exposure, tint, grey, blur and noise of a camera: (R, R, 3) in 0..1 to 8 bits."""
    t = table("accessories").camera
    image = (image * random.uniform(*t.exposure) * random.uniform(t.tint[0], t.tint[1], 3)).clip(
        0, 1
    )
    image = image ** random.uniform(*t.gamma)
    if random.random() < t.grey:
        image = np.repeat(image.mean(2, keepdims=True), 3, 2)
    picture = Image.fromarray((image * 255).astype(np.uint8))
    picture = picture.filter(ImageFilter.GaussianBlur(float(random.choice(t.blur))))
    noise = random.normal(0, random.choice(t.noise), (*picture.size, 1))
    return np.asarray((np.asarray(picture, np.float32) + noise).clip(0, 255), np.uint8)
