"""Random colours, cloth, hair strands and soft noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clipface_cli.synth.fields import noise
from clipface_cli.synth.garments import Points, Random

_HAIR = ((12, 10, 10), (45, 30, 20), (90, 60, 35), (165, 125, 75), (215, 185, 130), (120, 45, 20),
         (150, 150, 150), (225, 222, 218))  # fmt: skip


def colour(random: Random) -> NDArray[np.float64]:
    """Any colour (3,) in 0..1; greys, black and white more often than a cube would give."""
    if random.random() < 0.4:
        return random.choice([0.03, 0.1, 0.35, 0.7, 0.95]) * random.uniform(0.9, 1.05, 3)
    return random.uniform(0, 1, 3)


def hair_colour(random: Random) -> NDArray[np.float64]:
    """A natural hair colour (3,) in 0..1, now and then a dyed one."""
    if random.random() < 0.06:
        return random.uniform(0, 1, 3)
    return np.array(_HAIR[random.integers(len(_HAIR))]) / 255 * random.uniform(0.7, 1.2)


def clouds(random: Random, size: int, cells: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth noise (size, size) in 0..1 with so many cells down and across."""
    coarse = Image.fromarray((random.random(cells) * 255).astype(np.uint8))
    smooth = coarse.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / np.float32(255)


def strands(tone: NDArray[np.float64], size: int, random: Random) -> NDArray[np.float32]:
    """Hair (size, size, 3) of a tone, its strands running down."""
    fine = clouds(random, size, (int(random.integers(2, 12)), size // 2))
    broad = clouds(random, size, (4, int(random.integers(8, 40))))
    depth = random.uniform(0.3, 1.2)
    level = 1 + depth * (0.6 * fine + 0.4 * broad - 0.5)
    return np.asarray(tone * level[..., None], np.float32).clip(0, 1)


def cloth(random: Random, size: int) -> NDArray[np.float32]:
    """A pattern (size, size, 3) in 0..1: plain, ribbed, striped, chequered or mottled; prints."""
    first, second = colour(random), colour(random)
    kind = random.random()
    x, y = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    count = int(random.integers(4, 50))
    if kind < 0.4:
        share = np.zeros((size, size))
    elif kind < 0.55:
        share = 0.5 + 0.5 * np.sin(2 * np.pi * count * x)
    elif kind < 0.65:
        share = (np.sin(2 * np.pi * count / 3 * y) > 0).astype(float)
    elif kind < 0.75:
        share = ((x * count / 3 % 1 > 0.5) + (y * count / 3 % 1 > 0.5)) / 2
    else:
        cells = int(random.integers(3, 24))
        share = clouds(random, size, (cells, cells)).astype(float)
        share = (share > 0.5).astype(float) if kind > 0.9 else share
    share = share[..., None] * random.uniform(0.2, 1)
    pattern = first * (1 - share) + second * share
    pattern = pattern * (
        1 + random.uniform(0, 0.5) * (clouds(random, size, (9, 9)) - 0.5)[..., None]
    )
    return _printed(np.asarray(pattern, np.float32).clip(0, 1), random)


def _printed(pattern: NDArray[np.float32], random: Random) -> NDArray[np.float32]:
    """The pattern with a badge or letters in its middle, sometimes."""
    if random.random() < 0.6:
        return pattern
    size = len(pattern)
    picture = Image.fromarray((pattern * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(1, 6)):
        fill = tuple(int(v) for v in colour(random) * 255)
        x, y = random.normal(0.5, 0.06) * size, random.uniform(0.3, 0.9) * size
        w, h = random.uniform(0.01, 0.08, 2) * size
        if random.random() < 0.5:
            draw.ellipse([x - w, y - h, x + w, y + h], fill=fill)
        else:
            draw.rectangle([x - w, y - h, x + w, y + h], fill=fill)
    return np.asarray(picture, np.float32) / np.float32(255)


def blobs(points: Points, scale: float, random: Random) -> NDArray[np.float64]:
    """Soft noise (N,) in 0..1 at points (N, 3), with lumps of `scale` metres."""
    values = noise(points.astype(np.float32), scale, int(random.integers(1 << 16)))
    return np.asarray((values.astype(np.float64) * 0.5 + 0.5).clip(0, 1))
