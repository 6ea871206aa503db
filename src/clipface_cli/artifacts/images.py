"""Pictures on disk <-> tensors (1, 3, H, W) in [-1, 1], RGB, row 0 at the top.

Every picture that this package reads is opened by `open_picture`.
"""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError
from torch import Tensor

from clipface_cli.artifacts.files import replacing
from clipface_cli.errors import InputError

Pixels: TypeAlias = NDArray[np.uint8]

FORMATS = ("PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "JPEG2000", "AVIF")
BY_NAME = {".tga": "TGA"}  # a format that no content gives away: only what is called so
MAX_MEGAPIXELS = 68.0  # of one picture; 8192 x 8192, as scanners write them, are 67.1
_MAX_REDUCED = 1e9  # pixels of a JPEG that is decoded at a part of its size
_PREFIX = 64  # bytes that tell other formats apart
_OTHER = {
    b"%!PS": "EPS",
    b"\xc5\xd0\xd3\xc6": "EPS",
    b"%PDF": "PDF",
    b"8BPS": "a Photoshop file",
    b"DDS ": "DDS",
    b"v/1\x01": "OpenEXR",
    b"#?RA": "Radiance HDR",
    b"\xabKTX": "KTX",
    b"<svg": "SVG",
    b"<!DO": "a web page",
    b"<htm": "a web page",
    b"version https://git-lfs": "a Git LFS pointer, whose picture was not downloaded",
}
_HEIF = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")  # brands


def to_pixels(image: Tensor) -> Pixels:
    """One image (1, 3, H, W) or (3, H, W) in [-1, 1] as 8-bit sRGB (H, W, 3)."""
    image = image.detach().cpu().float()
    image = image[0] if image.ndim == 4 else image
    levels = (image.clamp(-1, 1) + 1).mul(127.5).round().to(torch.uint8)
    return np.ascontiguousarray(levels.permute(1, 2, 0).numpy())


def from_pixels(pixels: Pixels) -> Tensor:
    """8-bit sRGB (H, W, 3) as an image (1, 3, H, W) in [-1, 1]."""
    return torch.from_numpy(pixels.astype(np.float32)).permute(2, 0, 1)[None] / 127.5 - 1


@contextmanager
def open_picture(
    source: Path | bytes, max_megapixels: float = MAX_MEGAPIXELS
) -> Iterator[ImageFile.ImageFile]:
    """A picture file, or the bytes of one, opened and not decoded yet.

    Only the formats named above are tried: none of them starts another program. A JPEG beyond the
    limit is set to be decoded at a half to an eighth of its size. Raises InputError, a clause
    without the file's name, for other formats, beyond the limit, and for whatever goes wrong in
    the block, where the picture is decoded.
    """
    file = source if isinstance(source, Path) else io.BytesIO(source)
    named = BY_NAME.get(source.suffix.lower()) if isinstance(source, Path) else None
    formats = [*FORMATS, *([named] if named else [])]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # our own limit is stricter than the library's
            with Image.open(file, formats=formats) as picture:
                _limit(picture, max_megapixels)
                yield picture
    except InputError:
        raise
    except Image.DecompressionBombError as error:
        raise InputError(f"too large: {_bomb(error, max_megapixels)}; scale it down") from error
    except MemoryError as error:
        raise InputError("too large for this machine's memory; scale it down") from error
    except UnidentifiedImageError as error:
        raise InputError(_unknown(source)) from error
    except Exception as error:  # decoders raise anything on broken files
        text = " ".join(str(error).split()).replace(str(source), "the file")[:200]
        reason = text or type(error).__name__
        raise InputError(f"cannot be read ({reason}); save it again as PNG") from error


def load_pixels(path: str | Path, max_megapixels: float = MAX_MEGAPIXELS) -> Pixels:
    """A picture file as 8-bit RGB (H, W, 3), upright; transparency is dropped.

    16 bits a sample and floats in 0..1 are rounded to 8 bits, with the same tone. Raises
    InputError for a file that is missing, no picture, or beyond the limit.
    """
    path = Path(path)
    if not path.is_file():
        problem = "is no plain file" if path.exists() else "does not exist"
        raise InputError(f"The image {path} {problem}.")
    try:
        return _rgb(path, max_megapixels)
    except InputError as error:
        raise InputError(f"The image {path}: {error}.") from error


def decode_pixels(data: bytes, max_megapixels: float = MAX_MEGAPIXELS) -> Pixels:
    """A picture file's bytes, read as by `load_pixels`: 8-bit (H, W, 3); InputError, a clause."""
    return _rgb(data, max_megapixels)


def load_image(path: str | Path) -> Tensor:
    """A picture file as (1, 3, H, W) in [-1, 1]; InputError when it cannot be read."""
    return from_pixels(load_pixels(path))


def save_image(path: str | Path, image: Tensor | Pixels) -> None:
    """Write one image as PNG: (1, 3, H, W) or (3, H, W) in [-1, 1], or 8-bit sRGB (H, W, 3)."""
    pixels = to_pixels(image) if isinstance(image, Tensor) else image
    with replacing(Path(path)) as partial:
        Image.fromarray(pixels).save(partial, format="PNG")


def upright(picture: ImageFile.ImageFile) -> Image.Image:
    """The decoded picture turned as EXIF says, with 8 bits a sample."""
    image: Image.Image = picture
    ImageOps.exif_transpose(image, in_place=True)
    if image.mode[0] in "IF":
        return Image.fromarray(_eight_bits(np.asarray(image), image.mode))
    return image


def _rgb(source: Path | bytes, max_megapixels: float) -> Pixels:
    with open_picture(source, max_megapixels) as picture:
        image = upright(picture)
        return np.array(image if image.mode == "RGB" else image.convert("RGB"))


def _eight_bits(samples: NDArray[np.generic], mode: str) -> Pixels:
    """Samples (H, W) of modes I;16, I (32-bit integers) and F (floats) as 8 bits.

    Integers by the range that holds them all. Floats mean 0..1, and what is above is white, unless
    most of the light is above.
    """
    if mode == "F":
        values = np.nan_to_num(samples.astype(np.float32), posinf=1.0, neginf=0.0)
        lit = values[values > 0]
        scale = 1.0 if lit.size and lit.mean(dtype=np.float64) > 2 else 255.0
    else:
        if mode == "I":
            samples = samples.astype(np.int32).view(np.uint32)
        largest = 65535 if mode != "I" else int(samples.max(initial=0))
        bits = next(bits for bits in (8, 16, 32) if largest < 1 << bits)
        values, scale = samples.astype(np.float32), 255 / ((1 << bits) - 1)
    return np.asarray((values * np.float32(scale)).round().clip(0, 255), np.uint8)


def _limit(picture: ImageFile.ImageFile, megapixels: float) -> None:
    """Set a JPEG's decoder to a smaller size; InputError for other pictures that are too large."""
    width, height = picture.size
    excess = math.sqrt(width * height / (megapixels * 1e6))
    # a progressive JPEG is decoded at its whole size before it is reduced
    whole = picture.format != "JPEG" or "progressive" in picture.info
    if excess > 1 and not whole and width * height < _MAX_REDUCED:
        divisor = 2 ** math.ceil(math.log2(excess))
        picture.draft(None, (width // divisor, height // divisor))
    if picture.width * picture.height > megapixels * 1e6:
        size = f"{width} x {height}, {width * height / 1e6:.0f} megapixels"
        raise InputError(f"too large: {size}, more than {megapixels:.3g}; scale it down")


def _bomb(error: Image.DecompressionBombError, megapixels: float) -> str:
    """The size that the library found before it refused to go on."""
    count = next((int(word) for word in str(error).replace("(", " ").split() if word.isdigit()), 0)
    return f"{count / 1e6:.0f} megapixels, more than {megapixels:.3g}"


def _unknown(source: Path | bytes) -> str:
    """A file that is no picture of a known format is called what it is."""
    if isinstance(source, Path):
        with source.open("rb") as file:
            head = file.read(_PREFIX)
    else:
        head = bytes(source[:_PREFIX])
    if head[4:8] == b"ftyp" and head[8:12] in _HEIF:
        return "is HEIC, which is not read; save it as JPEG"
    if head[:4] in (b"II*\0", b"MM\0*"):
        return "is a TIFF of a kind that is not read; save it with three samples of 8 or 16 bits"
    for prefix, name in _OTHER.items():
        if head.lstrip().startswith(prefix):
            return f"is {name}, which is not read; save it as PNG"
    return "cannot be read (no picture of a known format); save it as PNG"
