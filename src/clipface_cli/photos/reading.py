"""Decode photos of any kind to upright 8-bit sRGB."""

from __future__ import annotations

import io
import math
import warnings
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageFile, ImageOps

from clipface_cli.errors import InputError

MAX_MEGAPIXELS = 64.0
_SRGB = ImageCms.createProfile("sRGB")


def read_photo(path: Path, max_megapixels: float = MAX_MEGAPIXELS) -> NDArray[np.uint8]:
    """The picture (H, W, 3), 8-bit sRGB, upright.

    Turned as EXIF says, converted to sRGB, transparent parts on white; of an animation, the first
    frame; 16 bits a sample are cut to 8. A JPEG beyond the limit is read at a half to an eighth of
    its size. Raises InputError, saying what is wrong, for a file that cannot be read, is
    truncated, or is too large to decode safely.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is stricter than the library's
            with Image.open(path) as picture:
                _limit(picture, max_megapixels)
                return _pixels(picture)
    except Image.DecompressionBombError as error:
        raise InputError(f"more than {max_megapixels:g} megapixels; scale it down") from error
    except InputError:
        raise
    except MemoryError as error:
        raise InputError("too large for this machine's memory; scale it down") from error
    except Exception as error:  # decoders raise anything on broken files
        text = " ".join(str(error).split()).replace(str(path), "the file")
        raise InputError(f"cannot be read ({text or type(error).__name__})") from error


def _limit(picture: ImageFile.ImageFile, megapixels: float) -> None:
    """Set a JPEG's decoder to a smaller size; InputError for other images that are too large."""
    excess = math.sqrt(picture.width * picture.height / (megapixels * 1e6))
    if excess > 1 and picture.format == "JPEG":
        divisor = 2 ** math.ceil(math.log2(excess))
        picture.draft(None, (picture.width // divisor, picture.height // divisor))
    if picture.width * picture.height > megapixels * 1e6:
        size = picture.width * picture.height / 1e6
        raise InputError(f"{size:.0f} megapixels, more than {megapixels:g}; scale it down")


def _pixels(picture: ImageFile.ImageFile) -> NDArray[np.uint8]:
    image = ImageOps.exif_transpose(picture)
    if image.mode[0] in "IF":  # integers beyond 8 bits, or floats
        image = Image.fromarray(_eight_bits(np.asarray(image)))
    elif image.mode in ("LA", "La", "PA", "RGBA", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.array(_to_srgb(image, picture.info.get("icc_profile")))


def _eight_bits(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Integers of up to 16 bits by their upper 8, floats as 0..1; smaller ranges as they are."""
    values = np.nan_to_num(np.asarray(samples, np.float64))
    largest = float(values.max())
    if np.issubdtype(samples.dtype, np.floating) and largest <= 1:
        scale = 255.0
    else:
        scale = 1.0 if largest <= 255 else 255 / 65535 if largest <= 65535 else 255 / largest
    return np.asarray((values * scale).round().clip(0, 255), np.uint8)


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
