"""Choose the square of a photo that becomes an image of the dataset, and cut it out.

The square is FFHQ's (Karras et al., "A style-based generator architecture for generative
adversarial networks", 2019): level with the eyes, sized by the distances between the eyes and from
the eyes to the mouth. Of a photo that is such a square already, or nearly, the whole is used.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from clipface_cli.photos.landmarks import Face
from clipface_cli.photos.squares import Square

Pixels = NDArray[np.uint8]

# Of the 468: six points a lid outline, as 68-point sets have them, and the outer lip corners.
_EYES = ((33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380))
_MOUTH = (61, 291)
# How far crops of other tools and renders of heads are from FFHQ's square, and photos farther:
_SCALE, _OFF, _TILT = 1.7, 0.2, 0.45  # ratio of sides; shift in sides; radians


def face_square(face: Face, scale: float = 1.0) -> Square:
    """FFHQ's square around a face, or one `scale` times as large."""
    points = face.points[:, :2].astype(np.float64)
    left, right = (points[list(eye)].mean(0) for eye in _EYES)
    eyes, mouth = (left + right) / 2, points[list(_MOUTH)].mean(0)
    across, down = right - left, mouth - eyes
    axis = np.array([across[0] + down[1], across[1] - down[0]])
    half = max(2.0 * np.hypot(*across), 1.8 * np.hypot(*down))
    x, y = eyes + 0.1 * down
    return Square(float(x), float(y), 2 * float(half) * scale, math.atan2(axis[1], axis[0]))


def whole(image: Pixels) -> Square:
    """The square that a whole photo (R, R, 3) fills."""
    side = image.shape[0]
    return Square(side / 2, side / 2, side)


def is_aligned(image: Pixels, face: Face) -> bool:
    """Whether a whole image (H, W, 3) is the square of its face, or near enough to be one."""
    if not is_square(image):
        return False
    side, square = image.shape[0], face_square(face)
    off = max(abs(square.x - side / 2), abs(square.y - side / 2)) / side
    near_in_size = 1 / _SCALE < square.side / side < _SCALE
    return near_in_size and off < _OFF and abs(square.angle) < _TILT


def is_square(image: Pixels) -> bool:
    """Whether an image (H, W, 3) has H = W."""
    return image.shape[0] == image.shape[1]


def crop(image: Pixels, square: Square, size: int) -> Pixels:
    """The square of an image (H, W, 3) at (size, size, 3), smooth at any scale.

    Beyond its edge the photo is mirrored, more and more blurred with the distance, as FFHQ does.
    """
    if square == whole(image) and is_square(image):
        picture = Image.fromarray(image)
        return np.asarray(picture.resize((size, size), Image.Resampling.LANCZOS))
    sampling = 2 if square.side > size else 1  # the transform only interpolates
    part, corner, factor = _neighbourhood(image, square, max(1, int(square.side / size / 2)))
    step = square.side / (size * sampling) / factor
    right, down = square.axes * step
    start = corner - (right + down) * size * sampling / 2
    matrix = (right[0], down[0], start[0], right[1], down[1], start[1])
    span = (size * sampling, size * sampling)
    turned = part.transform(span, Image.Transform.AFFINE, matrix, Image.Resampling.BICUBIC)
    return np.asarray(turned.reduce(sampling))


def move_face(face: Face, square: Square, size: int) -> Face:
    """The face's landmarks in pixels of the square cut at `size` pixels."""
    step = size / square.side
    points = face.points.astype(np.float64)
    flat = (points[:, :2] - (square.x, square.y)) @ square.axes.T + square.side / 2
    moved = np.concatenate([flat, points[:, 2:]], 1) * step
    box = np.concatenate([moved[:, :2].min(0), moved[:, :2].max(0)])
    return Face(moved.astype(np.float32), face.score, box.astype(np.float32))


def _neighbourhood(
    image: Pixels, square: Square, factor: int
) -> tuple[Image.Image, NDArray[np.float64], int]:
    """The part of the image around the square, reduced; the square's middle in it; the factor."""
    reach = square.side / 2 * float(np.abs(square.axes).sum(0).max()) + 2 * factor
    left, top = math.floor(square.x - reach), math.floor(square.y - reach)
    span = math.ceil(2 * reach) + 1
    columns, rows = np.arange(left, left + span), np.arange(top, top + span)
    height, width = image.shape[:2]
    part = Image.fromarray(image[_mirrored(rows, height)[:, None], _mirrored(columns, width)])
    part = part.reduce(factor)
    beyond = np.maximum(_beyond(rows, height)[:, None], _beyond(columns, width)[None]) / square.side
    if beyond.any():
        fade = Image.fromarray((beyond * 6 * 255).clip(0, 255).astype(np.uint8)).reduce(factor)
        blurred = part.filter(ImageFilter.GaussianBlur(0.02 * square.side / factor))
        part = Image.composite(blurred, part, fade)
    return part, np.array([square.x - left, square.y - top]) / factor, factor


def _mirrored(indices: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Indices beyond 0..limit - 1 reflected into it, as often as it takes."""
    folded = np.mod(indices, 2 * limit)
    return np.where(folded < limit, folded, 2 * limit - 1 - folded)


def _beyond(indices: NDArray[np.int64], limit: int) -> NDArray[np.int64]:
    """Pixels outside of 0..limit - 1."""
    return np.maximum(-indices, indices - limit + 1).clip(0)
