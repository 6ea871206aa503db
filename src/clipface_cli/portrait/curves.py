"""Lashes and hair as anti-aliased curves laid over a rendered image, hidden by its depth."""

import math
from typing import Any, NamedTuple

import numpy as np

from clipface_cli.geometry.jit import Array, device, kernel, parallel

SHARP = 2048  # pixels a side of an image from which curves are drawn in full
BANDS = 16  # of rows, drawn at the same time


class Curves(NamedTuple):
    """N curves of P points each."""

    points: Array  # (N, P, 3) metres
    alphas: Array  # (N,) opacity at the root; it fades toward the tip
    colours: Array  # (N, P or 1, 3) linear


@device
def _cover(
    image: Array,
    depth: Array,
    rows: tuple[int, int],
    place: tuple[float, float, float],
    ink: tuple[float, float, float, float],
) -> None:
    """Blend ink (red, green, blue, alpha) over the four pixels around a place, within rows."""
    x, y, z = place
    column, row = math.floor(x - 0.5), math.floor(y - 0.5)
    if column < 0 or row < 0 or column >= depth.shape[1] - 1 or row >= depth.shape[0] - 1:
        return
    fx, fy = x - 0.5 - column, y - 0.5 - row
    for dy in range(2):
        if not rows[0] <= row + dy < rows[1]:
            continue
        for dx in range(2):
            i, j = np.uint64(row + dy), np.uint64(column + dx)  # which need no test for negatives
            if depth[i, j] < z:
                continue
            share = ink[3] * (fx if dx else 1 - fx) * (fy if dy else 1 - fy)
            for channel in range(3):
                under = image[i, j, channel]
                image[i, j, channel] = under + (ink[channel] - under) * share


@kernel
def _draw(
    tasks: tuple[int, int],
    drawn: Any,
    depth: Array,
    bias: float,
    image: Array,
    fade: float,
) -> None:
    """Draw curves, in order, into some bands of rows."""
    height = len(image)
    rows = height * tasks[0] // BANDS, height * tasks[1] // BANDS
    curves, alphas, colours = drawn
    last, last_colour = curves.shape[1] - 1, colours.shape[1] - 1
    fades = np.array([(1 - p / last) ** fade for p in range(last + 1)])
    for n in range(curves.shape[0]):
        if alphas[n] <= 0:
            continue
        for p in range(last):
            ax, ay, az = curves[n, p, 0], curves[n, p, 1], curves[n, p, 2]
            bx, by, bz = curves[n, p + 1, 0], curves[n, p + 1, 1], curves[n, p + 1, 2]
            if max(ay, by) < rows[0] - 1 or min(ay, by) > rows[1] + 1:
                continue
            near, far = colours[n, min(p, last_colour)], colours[n, min(p + 1, last_colour)]
            root, tip = alphas[n] * fades[p], alphas[n] * fades[p + 1]
            steps = max(1, math.ceil(math.hypot(bx - ax, by - ay)))
            for i in range(steps):
                t = (i + 0.5) / steps
                ink = (
                    near[0] + t * (far[0] - near[0]),
                    near[1] + t * (far[1] - near[1]),
                    near[2] + t * (far[2] - near[2]),
                    root + t * (tip - root),
                )
                place = ax + t * (bx - ax), ay + t * (by - ay), az + t * (bz - az) - bias
                _cover(image, depth, rows, place, ink)


def draw_curves(
    screen: Array, curves: Curves, depth: Array, bias: float, image: Array, fade: float = 0.55
) -> None:
    """Draw curves, in order, into linear `image` (H,W,3).

    screen (N,P,3) holds their pixel x, y and distance; a point is hidden where `depth` (H,W) is
    nearer by more than `bias` metres. Curves thin out on small images; `fade` says how far from
    the tip they begin to fade, 0 not at all.
    """
    alphas = curves.alphas * min(1.0, (len(image) / SHARP) ** 0.5)
    points, alphas, colours = (
        np.ascontiguousarray(x, np.float32) for x in (screen, alphas, curves.colours)
    )
    parallel(_draw, BANDS, (points, alphas, colours), depth, bias, image, fade)
