"""8-bit pixels as the images that networks take."""

from torch import Tensor


def as_images(pixels: Tensor) -> Tensor:
    """Pixels 0..255 (uint8, any shape) as float32 in [-1, 1] on the same device."""
    return pixels.float() / 127.5 - 1
