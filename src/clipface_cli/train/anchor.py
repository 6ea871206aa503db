"""Painted people that the generator keeps reconstructing while the game sharpens it."""

from pathlib import Path

from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.train.chance import Chance
from clipface_cli.train.corpus import Corpus
from clipface_cli.train.losses import reconstruction_loss
from clipface_cli.train.weight_map import weight_map


class Anchor:
    """A corpus whose people the first numbers of z stand for (see `warm_start`)."""

    def __init__(self, folder: Path, head: HeadModel, resolution: int) -> None:
        self.corpus = Corpus.load(folder, resolution)
        self.weight = weight_map(head, resolution)

    def draw(self, chance: Chance, z_dim: int) -> tuple[Tensor, Tensor]:
        """z (B, z_dim) of random people of the corpus, and their textures."""
        rows = (chance.uniform(1)[:, 0].cpu() * len(self.corpus)).long()
        latents = self.corpus.latents[rows]
        z = chance.normal(z_dim)
        z[:, : latents.shape[1]] = latents.to(z)
        return z, self.corpus.batch(rows).to(z)

    def loss(self, textures: Tensor, targets: Tensor) -> Tensor:
        """How far textures (B, 3, R, R) are from those people's."""
        return reconstruction_loss(textures, targets, self.weight.to(textures))
