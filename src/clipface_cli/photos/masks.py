"""Masks of the pixels of a fitted head; others get the renderer's background colour."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from PIL import Image, ImageDraw
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.photos.landmarks import INNER_LIPS, Face
from clipface_cli.render import Camera, Renderer

BACKGROUND = 255  # the renderer's white
_BACK = ("scalp", "neck", "ears")  # regions on which hair is kept
_OVERSAMPLING = 4
_MIDDLE_OF_LIPS = (13, 14)  # of the inner contour, above and below
_CLOSED = 0.03  # outer-eye distances between them; the network sees up to 0.02 on closed lips


class HeadMask:
    """Covers photos with the outline of their fitted heads."""

    def __init__(self, head: HeadModel, resolution: int) -> None:
        back = [name for name in _BACK if name in head.masks]
        self._head, self._resolution = head, resolution
        self._whole = Renderer(head, resolution, exclude=head.inside_mouth)
        self._front = Renderer(head, resolution, exclude=[*head.inside_mouth, *back])
        self._blank = torch.zeros(1, 3, 2, 2)

    def __call__(
        self, vertices: Tensor, camera: Tensor, faces: Sequence[Face], hair: Tensor | None = None
    ) -> Tensor:
        """Coverage (B, 1, R, R) in 0..1, one where a photo shows its head.

        vertices (B, V, 3) and camera (B, 3) as fitted; faces: landmarks in pixels of the images;
        hair (B, R, R): mask of hair from a parser, masked out where it covers the face.
        """
        view = Camera(camera)
        covered = self._whole(vertices, self._blank, view)[1]
        lips = np.stack([inside_lips(face, self._resolution) for face in faces])
        covered = covered * (1 - torch.from_numpy(lips)[:, None])
        if hair is not None:
            face = self._front(vertices, self._blank, view)[1]
            covered = covered * (1 - face * _softened(hair)[:, None])
        return covered


def inside_lips(face: Face, resolution: int) -> NDArray[np.float32]:
    """How much of each pixel (R, R) lies between the lips, 0..1; nothing where they are closed."""
    upper, lower = face.points[list(_MIDDLE_OF_LIPS)]
    if np.linalg.norm(upper - lower) < _CLOSED * face.eye_distance:
        return np.zeros((resolution, resolution), np.float32)
    size = resolution * _OVERSAMPLING
    outline = face.points[list(INNER_LIPS), :2]
    picture = Image.new("L", (size, size))
    corners = [(float(x), float(y)) for x, y in outline * _OVERSAMPLING - 0.5]
    ImageDraw.Draw(picture).polygon(corners, fill=255)
    return np.asarray(picture.reduce(_OVERSAMPLING), np.float32) / np.float32(255)


def cover(image: NDArray[np.uint8], coverage: Tensor) -> NDArray[np.uint8]:
    """The image (R, R, 3) where coverage (1, R, R) is one, the background where it is zero."""
    weight = (coverage[0] * 255).round().to(torch.uint8).numpy()
    background = Image.new("RGB", image.shape[1::-1], (BACKGROUND,) * 3)
    mixed = Image.composite(Image.fromarray(image), background, Image.fromarray(weight))
    return np.array(mixed)


def _softened(mask: Tensor) -> Tensor:
    """A mask (B, R, R) with an edge one pixel wide."""
    return F.avg_pool2d(mask[:, None].float(), 3, 1, 1, count_include_pad=False)[:, 0]
