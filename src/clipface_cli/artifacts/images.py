"""Pictures on disk <-> tensors (1, 3, H, W) in [-1, 1], RGB, row 0 at the top."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps
from torch import Tensor

from clipface_cli.artifacts.files import replacing
from clipface_cli.errors import InputError

Pixels: TypeAlias = NDArray[np.uint8]

_PNG_LEVEL = 4  # half the time of the usual 6 for files a tenth larger


def to_pixels(image: Tensor) -> Pixels:
    """One image (1, 3, H, W) or (3, H, W) in [-1, 1] as 8-bit sRGB (H, W, 3)."""
    image = image.detach().cpu().float()
    image = image[0] if image.ndim == 4 else image
    levels = (image.clamp(-1, 1) + 1).mul(127.5).round().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())


def from_pixels(pixels: Pixels) -> Tensor:
    """8-bit sRGB (H, W, 3) as an image (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


def load_pixels(path: str | Path) -> Pixels:
    """Any picture PIL reads, as 8-bit RGB (H, W, 3); transparency is dropped."""
    path = Path(path)
    if not path.is_file():
        raise InputError(f"The image {path} does not exist.")
    try:
        with Image.open(path) as file:
            picture = ImageOps.exif_transpose(file)
            if picture.mode.startswith("I"):  # 16 bits a sample
                picture = Image.fromarray((np.asarray(picture) >> 8).astype(np.uint8))
            return np.array(picture.convert("RGB"))
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        raise InputError(f"The image {path} cannot be read; save it again as PNG.") from error


def load_image(path: str | Path) -> Tensor:
    """A picture file as (1, 3, H, W) in [-1, 1]; InputError when it cannot be read."""
    return from_pixels(load_pixels(path))


def save_image(path: str | Path, image: Tensor | Pixels) -> None:
    """Write one image as PNG: (1, 3, H, W) or (3, H, W) in [-1, 1], or 8-bit sRGB (H, W, 3)."""
    pixels = to_pixels(image) if isinstance(image, Tensor) else image
    with replacing(Path(path)) as partial:
        partial.write_bytes(png_bytes(pixels))


def png_bytes(pixels: Pixels) -> bytes:
    """A PNG file of 8-bit levels: sRGB (H, W, 3), or with opacity (H, W, 4)."""
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="PNG", compress_level=_PNG_LEVEL)
    return file.getvalue()
