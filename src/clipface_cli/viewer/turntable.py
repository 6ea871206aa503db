"""A film of a head that turns once about its axis."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from pathlib import Path

import torch

from clipface_cli.artifacts import Pixels, write_video
from clipface_cli.avatar import load_head_only
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portraits

FRAMES, FPS = 72, 24.0
RESOLUTION = 512  # pixels a side
CHUNK = 12  # frames for which the head is prepared once


def write_turntable(
    source: Path,
    target: Path,
    head: HeadModel,
    report: Callable[[int], None],
    allow_outside: bool = False,
) -> None:
    """Film a textured mesh of this head from the front all around; `report` gets frames done.

    Raises InputError where the mesh is not this head's.
    """
    made = load_head_only(source, head, allow_outside)
    vertices = torch.from_numpy(made.mesh.vertices).float()
    views = [(2 * math.pi * k / FRAMES, 0.0) for k in range(FRAMES)]

    def frames() -> Iterator[Pixels]:
        for first in range(0, FRAMES, CHUNK):
            some = views[first : first + CHUNK]
            yield from portraits(head, vertices, made.texture, some, RESOLUTION)
            report(first + len(some))

    write_video(target, frames(), FPS)
