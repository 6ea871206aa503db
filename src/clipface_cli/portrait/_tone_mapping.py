"""Tone mapping: a studio backdrop, and linear light to 8-bit sRGB by a filmic curve."""

import math

import numpy as np

from clipface_cli.geometry.jit import kernel, parallel
from clipface_cli.geometry.vectors import Array, clip

WALL = np.array([0.1169, 0.1070, 0.1022])  # grey studio backdrop, linear
_EXPOSURE = 0.92
_SHOULDER, _KNEE, _WHITE = 0.10, 0.42, 1.12  # the filmic curve's slope in highlights, bend, gain
_BRIGHTEST = 8.0  # linear light that the curve can tell from white


def _curve(steps: int) -> Array:
    """Display value 0..255 of linear light (i / steps)^2 * _BRIGHTEST."""
    x = _BRIGHTEST * (np.arange(steps + 1) / steps) ** 2 * _EXPOSURE
    x = np.minimum(x * (1 + _SHOULDER * x) / (1 + _KNEE * x) * _WHITE, 1.0)
    srgb = np.where(x < 0.0031308, 12.92 * x, 1.055 * np.maximum(x, 1e-9) ** (1 / 2.4) - 0.055)
    return np.asarray(255 * srgb, np.float32)


_TONES = _curve(8192)


def paint_wall(image: Array, colour: Array, falloff: float) -> None:
    """Fill (H,W,3) with a backdrop that darkens from left of the centre by `falloff`."""
    parallel(_paint_wall, len(image), image, colour, falloff)


@kernel
def _paint_wall(tasks: tuple[int, int], image: Array, colour: Array, falloff: float) -> None:
    height, width = image.shape[0], image.shape[1]
    for row in range(*tasks):
        y = (row + 0.5) / height - 0.45
        for column in range(width):
            x = (column + 0.5) / width - 0.42
            light = 1 + falloff * (0.25 - 1.1 * math.sqrt(x * x + y * y))
            for channel in range(3):
                image[row, column, channel] = max(colour[channel] * light, 0.0)


def tone_map(image: Array, out: Array) -> None:
    """Turn linear light (2H,2W,3) into sRGB uint8 (H,W,3), averaging 2x2."""
    parallel(_tone_map, len(out), image, out)


@kernel
def _tone_map(tasks: tuple[int, int], image: Array, out: Array) -> None:
    brightest = len(_TONES) - 1
    for row in range(*tasks):
        for column in range(out.shape[1]):
            for channel in range(3):
                total = 0.5
                for dy in range(2):
                    for dx in range(2):
                        x = clip(image[2 * row + dy, 2 * column + dx, channel], 0.0, _BRIGHTEST)
                        total += 0.25 * _TONES[int(math.sqrt(x / _BRIGHTEST) * brightest + 0.5)]
                out[row, column, channel] = int(total)


def inverse_tone_map(colour: tuple[int, int, int]) -> Array:
    """Linear light (3,) that `tone_map` turns into an sRGB colour."""
    light = _BRIGHTEST * (np.arange(len(_TONES)) / (len(_TONES) - 1)) ** 2
    return np.interp(colour, _TONES, light)
