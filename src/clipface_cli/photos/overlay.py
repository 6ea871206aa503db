"""Draw a fitted head over its photo, for visual inspection of the fit."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.photos.squares import Square
from clipface_cli.render import Camera

Pixels = NDArray[np.uint8]

_OVERSAMPLING = 3
_HIDDEN = ("mouth_interior", "teeth", "tongue", "sockets")
# Regions by the colour of their lines; the rest takes the first.
_LINES = (60, 255, 170)
_COLOURS = {"lips": (255, 70, 110), "lids": (70, 190, 255), "nose": (255, 210, 60)}
_OPACITY = 0.4
_MARGIN = 1.15


def wireframe(image: Pixels, head: HeadModel, vertices: Tensor, camera: Tensor) -> Pixels:
    """The edges that face the camera over an image (R, R, 3); vertices (1, V, 3), camera (1, 3)."""
    size = image.shape[0] * _OVERSAMPLING
    clip = Camera(camera).to_clip(vertices)[0].numpy()
    points = (clip[:, :2] * (1, -1) + 1) * (size / 2)
    lines = Image.new("RGBA", (size, size))
    draw = ImageDraw.Draw(lines)
    for colour, edges in _edges(head, points):
        for start, end in points[edges].reshape(-1, 2, 2).tolist():
            draw.line([*start, *end], fill=(*colour, 255), width=2)
    drawn = np.asarray(lines.reduce(_OVERSAMPLING), np.float32)
    weight = drawn[..., 3:] / 255 * _OPACITY
    mixed = image * (1 - weight) + drawn[..., :3] * weight
    return np.asarray(mixed.round(), np.uint8)


def close_up(vertices: Tensor, camera: Tensor, square: Square) -> tuple[Square, Tensor]:
    """The part of a photo's square that the head (1, V, 3) fills, and a camera (1, 3) over it."""
    seen = Camera(camera).to_clip(vertices)[0, :, :2]
    low, high = seen.min(0).values, seen.max(0).values
    middle, half = (low + high) / 2, float((high - low).max()) / 2 * _MARGIN
    offset = (middle * torch.tensor([1.0, -1.0])).double().numpy() * square.side / 2
    x, y = offset @ square.axes + (square.x, square.y)
    closer = Square(float(x), float(y), square.side * half, square.angle)
    scale, shift = camera[:, :1], camera[:, 1:]
    return closer, torch.cat([scale / half, shift - middle / scale], 1)


def _edges(
    head: HeadModel, points: NDArray[np.float32]
) -> list[tuple[tuple[int, int, int], NDArray[np.int64]]]:
    """Edges (E, 2) of the triangles of `points` (V, 2) that face the camera, by colour."""
    faces = head.faces.numpy()
    shown = _facing(points[faces])
    for name in _HIDDEN:
        if name in head.masks:
            shown &= ~(head.masks[name][torch.from_numpy(faces)] > 0.5).all(1).numpy()
    left = shown.copy()
    found = []
    for name, colour in _COLOURS.items():
        if name in head.masks:
            inside = shown & (head.masks[name][torch.from_numpy(faces)] > 0.5).all(1).numpy()
            found.append((colour, _unique(faces[inside])))
            left &= ~inside
    return [(_LINES, _unique(faces[left])), *found]


def _facing(corners: NDArray[np.float32]) -> NDArray[np.bool_]:
    """(F,) whether triangles (F, 3, 2), y down, run counterclockwise as seen."""
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.asarray(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0] < 0)


def _unique(faces: NDArray[np.int64]) -> NDArray[np.int64]:
    """Each edge of triangles (F, 3) once."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    return np.unique(np.sort(edges, axis=1), axis=0)
