"""Outputs of an animation: its film, its textures, its GLB, all frame by frame."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from clipface_cli.artifacts import (
    Pixels,
    contact_sheet,
    save_image,
    to_pixels,
    write_rig,
)
from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.animate import Animation
from clipface_cli.head import HeadModel, motion_of, rig_of
from clipface_cli.portrait import DressedHead
from clipface_cli.render import Camera, Light, Renderer
from clipface_cli.texture import Generator
from clipface_cli.viewer.dress import dress

SIGNATURE = 32  # texels a side by which textures are compared
DIFFERENCE = 1.5 / 127.5  # mean difference, in -1..1, of textures that need pictures of their own
PICTURES = 12  # at most in a GLB
ROWS = ("shaded", "unlit")
AHEAD = 2  # frames that are drawn at the same time

Result = TypeVar("Result")
Observer = Callable[[int, Tensor], None]  # frame, texture (1, 3, R, R)


@dataclass(frozen=True)
class FilmScene:
    """One head in a sequence; columns: what each column of the film shows, by heading.

    head and subject lie on the CPU, where films are drawn; textures come from where the generator
    is.
    """

    head: HeadModel
    generator: Generator
    subject: Subject
    columns: dict[str, Animation | None]  # None: the original texture

    @property
    def last(self) -> Animation:
        """The animation that the files are made of."""
        return next(a for a in reversed(self.columns.values()) if a is not None)


def film(scene: FilmScene, yaw: float, resolution: int, observe: Observer) -> Iterator[Pixels]:
    """Frames (H, W, 3), 8-bit sRGB: a column a texture, shaded above unlit, from `yaw` degrees.

    `observe` is given each frame of the last column before it is shown. Some frames are drawn at
    the same time.
    """
    surface = DressedHead(scene.head)
    renderer = Renderer(surface, resolution)
    camera, light = Camera.turned(yaw), Light.studio()
    clip, head = scene.last.clip.to("cpu"), scene.head
    columns = scene.columns.items()

    def painted(made: Animation | None, frame: int) -> Tensor:
        if made is None:
            return scene.subject.texture
        return made.texture(scene.generator, frame).cpu()

    with torch.no_grad():
        still = {
            name: painted(made, 0) for name, made in columns if made is None or not made.dynamic
        }

    @torch.no_grad()
    def draw(frame: int) -> tuple[Tensor, Pixels]:
        vertices = head.pose_head(clip.params(scene.subject, [frame]))[0]
        textures = [
            still[name] if name in still else painted(made, frame) for name, made in columns
        ]
        hairs = [surface.painted(texture[0]) for texture in textures]
        posed = [surface.with_hair(vertices, hair)[None] - head.origin for hair in hairs]
        rows = [
            [
                to_pixels(renderer(v, t, camera, lit)[0])
                for v, t in zip(posed, textures, strict=True)
            ]
            for lit in (light, None)
        ]
        return textures[-1], contact_sheet(rows, list(scene.columns), ROWS)

    for frame, (texture, picture) in enumerate(_some_ahead(draw, range(len(clip)))):
        observe(frame, texture)
        yield picture


def _some_ahead(work: Callable[[int], Result], items: Iterable[int]) -> Iterator[Result]:
    """Results in order, `AHEAD` of which are computed while earlier ones are used."""
    with ThreadPoolExecutor(AHEAD) as pool:
        waiting: deque[Future[Result]] = deque()
        for item in items:
            waiting.append(pool.submit(work, item))
            if len(waiting) > AHEAD:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()


class Frames:
    """Keeps every frame's texture (1, 3, R, R): a picture on disk, a small copy in memory."""

    def __init__(self, folder: Path | None) -> None:
        self.folder, self.small = folder, list[Tensor]()

    def __call__(self, frame: int, texture: Tensor) -> None:
        if self.folder is not None:
            save_image(self.folder / f"{frame:04}.png", texture)
        size = (SIGNATURE, SIGNATURE)
        self.small.append(torch.nn.functional.interpolate(texture, size, mode="area").flatten())


def write_animation(path: Path, scene: FilmScene, frames: Frames, fps: float) -> int:
    """Write the GLB: the rig moved by the sequence, its textures (R, R, 3) as variants.

    Groups of frames share the texture (R, R, 3) of the frame in their middle.
    """
    made, subject = scene.last, scene.subject
    rig = rig_of(scene.head, subject.params, scene.head.pose_head(subject.params)[0])
    clip = made.clip.to("cpu")
    motion = motion_of(scene.head, rig, clip.expression, clip.pose, fps)
    groups = np.array(keyed(torch.stack(frames.small), DIFFERENCE, PICTURES))
    middles = [int(np.median(np.flatnonzero(groups == group))) for group in range(groups[-1] + 1)]
    pictures = [to_pixels(made.texture(scene.generator, frame).cpu()) for frame in middles]
    motion = replace(motion, textures=pictures, groups=groups)
    strongest = pictures[int(groups[peak(made)])]
    (rig,) = dress(scene.head, (rig, strongest))
    write_rig(path, rig, strongest, motion, to_pixels(subject.texture))
    return len(pictures)


def keyed(signatures: Tensor, difference: float, most: int) -> list[int]:
    """Group (T,) of each frame: neighbours whose textures differ little show one picture.

    signatures (T, D): small versions of the textures; a new group begins where the mean absolute
    difference from its first frame exceeds `difference`, which grows until `most` groups are left.
    """
    while True:
        groups, first = [0], signatures[0]
        for signature in signatures[1:]:
            if (signature - first).abs().mean() > difference:
                groups.append(groups[-1] + 1)
                first = signature
            else:
                groups.append(groups[-1])
        if groups[-1] < most:
            return groups
        difference *= 1.5


def peak(made: Animation) -> int:
    """The frame with the strongest expression."""
    return int(made.clip.weight.argmax())


@torch.no_grad()
def at_peak(
    made: Animation, subject: Subject, generator: Generator, entry: dict[str, Any]
) -> Subject:
    """The head as it was, with the texture of the strongest frame and `entry` in its history."""
    frame = peak(made)
    w, texture = made.codes([frame]), made.texture(generator, frame)
    return subject.edited(subject.params.expression, w, texture, entry)
