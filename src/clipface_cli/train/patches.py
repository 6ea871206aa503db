"""What the patch discriminator sees: square crops at random places (paper section 3.1)."""

import torch
from torch import Tensor

from clipface_cli.train.chance import Chance


def patch_corners(chance: Chance, count: int, size: int, resolution: int) -> Tensor:
    """Top left corners (count, 2) of patches, rows then columns, evenly spread over an image."""
    return (chance.uniform(count, 2)[0] * (resolution - size + 1)).long()


def crop(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """(B, C, H, W) -> (B P, C, size, size): the same P patches of every image, image by image.

    In this order the discriminator's minibatch deviation compares one place across images.
    """
    patches = [images[:, :, y : y + size, x : x + size] for y, x in corners.tolist()]
    return torch.stack(patches, 1).flatten(0, 1)
