"""Decode photos of any kind to upright 8-bit sRGB."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from clipface_cli.artifacts.images import MAX_MEGAPIXELS, open_picture, upright

_SRGB = ImageCms.createProfile("sRGB")


def read_photo(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """The picture (H, W, 3), 8-bit sRGB, upright.

    Turned as EXIF says, converted to sRGB, transparent parts on white; of an animation, the first
    frame; 16 bits a sample are rounded to 8. A JPEG beyond the limit is read at a half to an eighth
    of its size. Raises InputError, saying what is wrong, for a file that cannot be read, is
    truncated, or is too large to decode safely.
    """
    with open_picture(path, max_megapixels) as picture:
        image = upright(picture)
        if image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
            image = image.convert("RGBA")
            image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
        return np.array(_to_srgb(image, picture.info.get("icc_profile")))


def _to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """RGB, through the file's colour profile where it has a usable one that is not sRGB."""
    if profile and image.mode in ("RGB", "CMYK"):
        try:
            own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            if "sRGB" not in ImageCms.getProfileDescription(own):
                return ImageCms.profileToProfile(image, own, _SRGB, outputMode="RGB") or image
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # as if it had none
    return image.convert("RGB")
