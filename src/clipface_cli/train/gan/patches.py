"""Inputs of the patch discriminator: square crops at random positions (sec. 3.1)."""

import torch
from torch import Tensor

from clipface_cli.train.common.sample_streams import SampleStreams


def patch_corners(streams: SampleStreams, count: int, size: int, resolution: int) -> Tensor:
    """Top left corners (count, 2) of patches in pixels, row then column, uniform over an image.

    size, resolution: pixels a side of a patch and of an image; `streams` holds one stream.
    """
    return (streams.uniform(count, 2)[0] * (resolution - size + 1)).long()


def crop(images: Tensor, corners: Tensor, size: int) -> Tensor:
    """(B, C, H, W) -> (B P, C, size, size): the same P patches of every image, image by image.

    In this order the minibatch deviation compares the same position across images. corners (P, 2)
    are rows and columns in pixels.
    """
    patches = [images[:, :, y : y + size, x : x + size] for y, x in corners.tolist()]
    return torch.stack(patches, 1).flatten(0, 1)
