"""The generator's side of the game: textures from random codes."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from clipface_cli.texture import Generator
from clipface_cli.train.anchor import Anchor
from clipface_cli.train.chance import Chance
from clipface_cli.train.loop import update_average
from clipface_cli.train.ranks import Ranks
from clipface_cli.train.settings import GanSettings

_FOLLOW = 0.005  # how fast the mean code follows


class Forger(nn.Module):
    """Generator and its moving average.

    With `fixed_noise` the details that a warm start laid into the noise maps stay in place. With an
    anchor all people are those of its corpus.
    """

    def __init__(
        self,
        generator: Generator,
        settings: GanSettings,
        ranks: Ranks,
        fixed_noise: bool,
        anchor: Anchor | None,
    ) -> None:
        super().__init__()
        self.settings, self.ranks = settings, ranks
        self.fixed_noise, self.anchor = fixed_noise, anchor
        self.generator = _thawed(generator.train(), settings.freeze)
        self.average = deepcopy(generator).eval().requires_grad_(False)

    def codes(self, chance: Chance) -> Tensor:
        """w (B, L, w_dim) of random people, most of them mixed from two at a random level."""
        mapping, levels = self.generator.mapping, self.generator.num_ws
        z, other = chance.normal(self.generator.z_dim), chance.normal(self.generator.z_dim)
        draw = chance.uniform(2)
        w = mapping(z.to(self.ranks.dtype))
        if not self.settings.freeze:
            self._follow(w[:, 0])
        first = 1 + (draw[:, :1] * (levels - 1)).long()
        mixed = (draw[:, 1:] < self.settings.style_mixing) & (
            torch.arange(levels, device=w.device) >= first
        )
        return torch.where(mixed[..., None], mapping(other.to(w.dtype)), w)

    def textures(self, w: Tensor, chance: Chance) -> Tensor:
        """(B, 3, R, R) in the losses' precision."""
        noise = "const" if self.fixed_noise else lambda size: chance.field(1, size, size)
        with self.ranks.autocast():
            texture: Tensor = self.generator.synthesis(w, noise=noise)
        return texture.to(self.ranks.dtype)

    def forge(self, chance: Chance) -> tuple[Tensor, Tensor]:
        """Textures of random people, and how far those of an anchor are from it."""
        if self.anchor is None:
            w = self.codes(chance)
            return self.textures(w, chance), w.new_zeros(())
        z, targets = self.anchor.draw(chance, self.generator.z_dim)
        textures = self.textures(self.generator.mapping(z.to(self.ranks.dtype)), chance)
        return textures, self.anchor.loss(textures, targets)

    def follow(self, images: int, batch: int) -> None:
        """Move the average; `images` were seen so far, `batch` of them in this step."""
        half_life = min(self.settings.average_images, 0.1 * images + batch)
        update_average(self.average, self.generator, 0.5 ** (batch / half_life))

    @torch.no_grad()
    def _follow(self, w: Tensor) -> None:
        middle = self.generator.mapping.w_avg
        middle.lerp_(self.ranks.mean(w.detach().mean(0)), _FOLLOW)


def _thawed(generator: Generator, frozen: int) -> Generator:
    """Set to train what paints beyond `frozen` texels a side, or with 0 everything."""
    generator.requires_grad_(not frozen)
    blocks = generator.synthesis.get_submodule("blocks").children()
    for level, block in enumerate(blocks):
        block.requires_grad_(8 << level > frozen)
    return generator
