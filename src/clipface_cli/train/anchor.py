"""What a warm-started generator holds on to while the game sharpens it."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from clipface_cli.train.chance import Chance
from clipface_cli.train.corpus import Corpus

_COARSE = 4  # texels a side over which colours are held


class Anchor:
    """A corpus whose people the first numbers of z stand for (see `warm_start`).

    They keep their colours, also where photos never look (teeth); only what is finer is the game's
    to change.
    """

    def __init__(self, folder: Path, resolution: int) -> None:
        self.corpus = Corpus.load(folder, resolution)

    def draw(self, chance: Chance, z_dim: int) -> tuple[Tensor, Tensor]:
        """z (B, z_dim) of random people of the corpus, and their textures."""
        rows = (chance.uniform(1)[:, 0].cpu() * len(self.corpus)).long()
        latents = self.corpus.latents[rows]
        z = chance.normal(z_dim)
        z[:, : latents.shape[1]] = latents.to(z)
        return z, self.corpus.batch(rows, z.device).to(z)

    def loss(self, textures: Tensor, targets: Tensor) -> Tensor:
        """How far the colours of textures (B, 3, R, R) are from those people's."""
        return F.avg_pool2d(textures - targets, _COARSE).abs().mean()
