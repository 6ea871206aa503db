"""Discriminators of whole images and of patches, with their augmentation (sec. 3.1)."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor, nn

from clipface_cli.texture import Discriminator
from clipface_cli.train.common.sample_streams import SampleStreams
from clipface_cli.train.gan.ada import Augmentation
from clipface_cli.train.gan.patches import crop, patch_corners
from clipface_cli.train.gan.regularisers import gradient_penalty
from clipface_cli.train.gan.settings import GanSettings
from clipface_cli.train.gan.whitening import whiten

Autocast = Callable[[], AbstractContextManager[object]]


class AugmentedDiscriminator(nn.Module):
    """A discriminator, the crops that are its inputs, and their augmentation."""

    def __init__(self, settings: GanSettings, autocast: Autocast, size: int, patches: int) -> None:
        """For `patches` squares of `size` pixels of every image, or with 0 for whole images."""
        super().__init__()
        self.settings, self.autocast, self.size, self.patches = settings, autocast, size, patches
        self.discriminator = Discriminator.create(
            size,
            settings.discriminator_base or settings.channel_base,
            settings.discriminator_max or settings.channel_max,
        )
        self.augmentation = None
        if settings.augment_target is not None:
            self.augmentation = Augmentation(settings.augment_target, settings.augment_images)

    def inputs(self, images: Tensor, streams: SampleStreams) -> Tensor:
        """Inputs (B P, 3, size, size) of images (B, 3, R, R), P patches of each, or the images.

        `streams` holds the one stream that reals and fakes share.
        """
        if self.settings.whiten:
            images = whiten(images)
        if not self.patches:
            return images
        corners = patch_corners(streams, self.patches, self.size, images.shape[-1])
        return crop(images, corners, self.size)

    def forward(self, inputs: Tensor, streams: SampleStreams) -> Tensor:
        """Logits (N, 1) of inputs (N, 3, S, S), S = `size`, after their augmentation."""
        if self.augmentation is not None:
            inputs = self.augmentation(inputs, streams)
        with self.autocast():
            logits: Tensor = self.discriminator(inputs)
        return logits.to(inputs.dtype)

    def r1(self, inputs: Tensor, streams: SampleStreams) -> Tensor:
        """R1 penalty, a scalar, at the inputs (N, 3, S, S) of real images."""
        return gradient_penalty(lambda x: self(x, streams), inputs)

    @property
    def r1_weight(self) -> float:
        """Weight of R1; a patch's by its share of the area, because R1 is a sum over pixels."""
        return self.settings.r1_weight * (self.size / self.settings.resolution) ** 2

    def observe(self, real_logits: Tensor) -> None:
        """Count the signs of real images' logits (N, 1), for the augmentation's r_t."""
        if self.augmentation is not None:
            self.augmentation.observe(real_logits)


def make_discriminators(
    settings: GanSettings, autocast: Autocast
) -> dict[str, AugmentedDiscriminator]:
    """The full-image discriminator and, unless it is switched off, the patch discriminator."""
    found = {"image": AugmentedDiscriminator(settings, autocast, settings.resolution, 0)}
    if settings.patches:
        size = min(settings.patch_size, settings.resolution // 2)
        found["patch"] = AugmentedDiscriminator(settings, autocast, size, settings.patches)
    return found
