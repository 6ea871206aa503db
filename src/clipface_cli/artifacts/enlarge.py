"""Textures at another resolution."""

from __future__ import annotations

import numpy as np
from PIL import Image, ImageFilter

from clipface_cli.artifacts.images import Pixels

SHARPEN = 60  # per cent of the difference from a blurred copy that is added
THRESHOLD = 2  # levels below which a difference is noise


def enlarge(pixels: Pixels, size: int) -> Pixels:
    """The square picture (H, H, 3) at (size, size, 3): Lanczos, then sharpened if it grew."""
    if pixels.shape[0] == size:
        return pixels
    picture = Image.fromarray(pixels).resize((size, size), Image.Resampling.LANCZOS)
    if size > pixels.shape[0]:
        radius = size / pixels.shape[0] / 2
        picture = picture.filter(ImageFilter.UnsharpMask(radius, SHARPEN, THRESHOLD))
    return np.asarray(picture)
