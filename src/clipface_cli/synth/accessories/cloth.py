"""Random colours, cloth, hair strands and soft noise."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from clipface_cli.synth.accessories.garments import Points, Random
from clipface_cli.synth.painting.fields import noise
from clipface_cli.synth.tables import table


def colour(random: Random) -> NDArray[np.float64]:
    """Any colour (3,) in 0..1; greys, black and white more often than a cube would give."""
    t = table("cloth").colours
    if random.random() < t.grey_share:
        return random.choice(t.greys) * random.uniform(t.grey_tint[0], t.grey_tint[1], 3)
    return random.uniform(0, 1, 3)


def hair_colour(random: Random) -> NDArray[np.float64]:
    """A natural hair colour (3,) in 0..1, now and then a dyed one."""
    t = table("cloth").hair
    if random.random() < t.dyed:
        return random.uniform(0, 1, 3)
    return np.array(t.shades[random.integers(len(t.shades))]) / 255 * random.uniform(*t.brightness)


def clouds(random: Random, size: int, cells: tuple[int, int]) -> NDArray[np.float32]:
    """Smooth noise (R, R) in 0..1, R = `size`, with so many cells down and across."""
    coarse = Image.fromarray((random.random(cells) * 255).astype(np.uint8))
    smooth = coarse.resize((size, size), Image.Resampling.BICUBIC)
    return np.asarray(smooth, np.float32) / np.float32(255)


def strands(tone: NDArray[np.float64], size: int, random: Random) -> NDArray[np.float32]:
    """Hair (size, size, 3) of a tone, its strands running down."""
    t = table("cloth").strands
    fine = clouds(random, size, (int(random.integers(*t.fine_down)), size // 2))
    broad = clouds(random, size, (t.broad_down, int(random.integers(*t.broad_across))))
    depth = random.uniform(*t.depth)
    level = 1 + depth * (t.fine * fine + (1 - t.fine) * broad - 0.5)
    return np.asarray(tone * level[..., None], np.float32).clip(0, 1)


def cloth(random: Random, size: int) -> NDArray[np.float32]:
    """A pattern (size, size, 3) in 0..1: plain, ribbed, striped, chequered or mottled; prints."""
    t = table("cloth").cloth
    first, second = colour(random), colour(random)
    kind = random.random()
    x, y = np.meshgrid(np.arange(size) / size, np.arange(size) / size)
    count = int(random.integers(*t.count))
    if kind < t.plain:
        share = np.zeros((size, size))
    elif kind < t.ribbed:
        share = 0.5 + 0.5 * np.sin(2 * np.pi * count * x)
    elif kind < t.striped:
        share = (np.sin(2 * np.pi * count / 3 * y) > 0).astype(float)
    elif kind < t.chequered:
        share = ((x * count / 3 % 1 > 0.5) + (y * count / 3 % 1 > 0.5)) / 2
    else:
        cells = int(random.integers(*t.cells))
        share = clouds(random, size, (cells, cells)).astype(float)
        share = (share > 0.5).astype(float) if kind > t.patches else share
    share = share[..., None] * random.uniform(*t.contrast)
    pattern = first * (1 - share) + second * share
    pattern = pattern * (
        1 + random.uniform(*t.folds) * (clouds(random, size, t.fold_cells) - 0.5)[..., None]
    )
    return _printed(np.asarray(pattern, np.float32).clip(0, 1), random)


def _printed(pattern: NDArray[np.float32], random: Random) -> NDArray[np.float32]:
    """The pattern with a badge or letters in its middle, sometimes."""
    t = table("cloth").prints
    if random.random() < t.bare:
        return pattern
    size = len(pattern)
    picture = Image.fromarray((pattern * 255).astype(np.uint8))
    draw = ImageDraw.Draw(picture)
    for _ in range(random.integers(*t.count)):
        fill = tuple(int(v) for v in colour(random) * 255)
        x, y = random.normal(*t.x) * size, random.uniform(*t.y) * size
        w, h = random.uniform(t.radius[0], t.radius[1], 2) * size
        if random.random() < t.discs:
            draw.ellipse([x - w, y - h, x + w, y + h], fill=fill)
        else:
            draw.rectangle([x - w, y - h, x + w, y + h], fill=fill)
    return np.asarray(picture, np.float32) / np.float32(255)


def blobs(points: Points, scale: float, random: Random) -> NDArray[np.float64]:
    """Soft noise (N,) in 0..1 at points (N, 3), with lumps of `scale` metres."""
    values = noise(points.astype(np.float32), scale, int(random.integers(1 << 16)))
    return np.asarray((values.astype(np.float64) * 0.5 + 0.5).clip(0, 1))
