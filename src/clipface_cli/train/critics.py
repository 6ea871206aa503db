"""The players on the other side: discriminators of whole images and of patches."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from torch import Tensor, nn

from clipface_cli.texture import Discriminator
from clipface_cli.train.ada import Augmentation
from clipface_cli.train.chance import Chance
from clipface_cli.train.patches import crop, patch_corners
from clipface_cli.train.regularisers import gradient_penalty
from clipface_cli.train.settings import GanSettings
from clipface_cli.train.whitening import whiten

Autocast = Callable[[], AbstractContextManager[object]]


class Critic(nn.Module):
    """A discriminator, what it looks at, and the augmentation of that."""

    def __init__(self, settings: GanSettings, autocast: Autocast, size: int, patches: int) -> None:
        """Judges `patches` squares of `size` pixels of every image, or with 0 the image."""
        super().__init__()
        self.settings, self.autocast, self.size, self.patches = settings, autocast, size, patches
        self.discriminator = Discriminator.create(
            size,
            settings.critic_base or settings.channel_base,
            settings.critic_max or settings.channel_max,
        )
        self.augmentation = None
        if settings.augment_target is not None:
            self.augmentation = Augmentation(settings.augment_target, settings.augment_images)

    def look(self, images: Tensor, chance: Chance) -> Tensor:
        """What is judged of images (B, 3, R, R); `chance` is shared by reals and fakes."""
        if self.settings.whiten:
            images = whiten(images)
        if not self.patches:
            return images
        corners = patch_corners(chance, self.patches, self.size, images.shape[-1])
        return crop(images, corners, self.size)

    def forward(self, seen: Tensor, chance: Chance) -> Tensor:
        """Logits of what `look` gave."""
        if self.augmentation is not None:
            seen = self.augmentation(seen, chance)
        with self.autocast():
            logits: Tensor = self.discriminator(seen)
        return logits.to(seen.dtype)

    def penalty(self, seen: Tensor, chance: Chance) -> Tensor:
        """R1 on what `look` gave of real images."""
        return gradient_penalty(lambda x: self(x, chance), seen)

    @property
    def penalty_weight(self) -> float:
        """R1's weight for an image, by area for a patch: its sum over pixels grows with them."""
        return self.settings.penalty * (self.size / self.settings.resolution) ** 2

    def observe(self, real_logits: Tensor) -> None:
        """Tell the augmentation how sure the answers on real images are."""
        if self.augmentation is not None:
            self.augmentation.observe(real_logits)


def make_critics(settings: GanSettings, autocast: Autocast) -> dict[str, Critic]:
    """The full-image critic and, unless it is left out, the patch critic."""
    critics = {"image": Critic(settings, autocast, settings.resolution, 0)}
    if settings.patches:
        size = min(settings.patch_size, settings.resolution // 2)
        critics["patch"] = Critic(settings, autocast, size, settings.patches)
    return critics
