"""The generator's side of the game: textures from random codes, drawn on the dataset's heads."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from clipface_cli.head import HeadModel
from clipface_cli.render import Renderer, usable_backend
from clipface_cli.texture import Generator
from clipface_cli.train.anchor import Anchor
from clipface_cli.train.chance import Chance
from clipface_cli.train.dataset import Dataset
from clipface_cli.train.loop import update_average
from clipface_cli.train.ranks import Ranks
from clipface_cli.train.settings import GanSettings

_FOLLOW = 0.005  # how fast the mean code follows


class Forger(nn.Module):
    """Generator and its moving average.

    With `fixed_noise` the details that a warm start laid into the noise maps stay in place. With an
    anchor every second step draws people of its corpus.
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
        self.generator = generator.train().requires_grad_(True)
        self.average = deepcopy(generator).eval().requires_grad_(False)

    def codes(self, chance: Chance) -> Tensor:
        """w (B, L, w_dim) of random people, most of them mixed from two at a random level."""
        mapping, levels = self.generator.mapping, self.generator.num_ws
        z, other = chance.normal(self.generator.z_dim), chance.normal(self.generator.z_dim)
        draw = chance.uniform(2)
        w = mapping(z.to(self.ranks.dtype))
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

    def forge(self, chance: Chance, anchored: bool) -> tuple[Tensor, Tensor]:
        """Textures of random people, or of the anchor's, and how far those are from it."""
        if not anchored or self.anchor is None:
            w = self.codes(chance)
            textures = self.textures(w, chance)
            held = self.anchor.drift(textures, w) if self.anchor else w.new_zeros(())
            return textures, held
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


class Stage:
    """Where textures are seen: the dataset's heads through the renderer.

    Without nvdiffrast heads are drawn on the CPU, also where the textures lie on a GPU.
    """

    def __init__(self, dataset: Dataset, head: HeadModel, resolution: int) -> None:
        self.dataset, self.head = dataset, head
        self.renderer = Renderer(head, resolution, usable_backend(), exclude=head.inside_mouth)

    def show(self, textures: Tensor, rows: Tensor) -> Tensor:
        """Textures on the heads of these photos: images (B, 3, R, R)."""
        vertices, camera = self.dataset.heads(rows, self.head)
        vertices, camera = vertices.to(textures.device), camera.to(textures.device)
        image, _ = self.renderer(vertices, textures.float(), camera)
        return image.to(textures.dtype)
