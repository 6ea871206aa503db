"""Compile all kernels ahead, on every core: `python -m clipface_cli.cli.kernels`.

`make` does so when it installs; otherwise the first command that draws waits for those it needs.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from concurrent.futures import as_completed

import torch

from clipface_cli.cli.progress import say
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portrait
from clipface_cli.render import Camera, Light, Renderer
from clipface_cli.synth import process_pool

SIZE = 32  # pixels and texels a side: the kernels are the same for all sizes


def main() -> None:
    """Run the jobs side by side."""
    started, count = time.monotonic(), len(JOBS)
    with process_pool(min(count, os.cpu_count() or 1)) as pool:
        for done, _ in enumerate(as_completed([pool.submit(job) for job in JOBS]), 1):
            passed = time.monotonic() - started
            say(f"Preparing kernels (once): {done} of {count} groups, {passed:.0f} s")


def compile_unlit() -> None:
    """Unlit renders and their gradients, as edits use them."""
    _draw(None)


def compile_shaded() -> None:
    """The four operations one by one, as shaded renders and films use them."""
    _draw(Light.studio())


def compile_portraits() -> None:
    """Portraits, with occlusion and hair."""
    head = HeadModel.load("builtin")
    portrait(head, head.template, torch.zeros(3, SIZE, SIZE), resolution=SIZE)


def _draw(light: Light | None) -> None:
    head = HeadModel.load("builtin")
    vertices = (head.template - head.origin)[None].repeat(2, 1, 1).requires_grad_()
    texture = torch.zeros(1, 3, SIZE, SIZE, requires_grad=True)
    image, alpha = Renderer(head, SIZE)(vertices, texture, Camera.front(), light)
    (image.sum() + alpha.sum()).backward()


JOBS: tuple[Callable[[], None], ...] = (compile_unlit, compile_portraits, compile_shaded)

if __name__ == "__main__":
    main()
