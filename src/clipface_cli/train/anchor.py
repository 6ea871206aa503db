"""What a warm-started generator holds on to while the game sharpens it."""

from copy import deepcopy
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.chance import Chance
from clipface_cli.train.corpus import Corpus
from clipface_cli.train.losses import reconstruction_loss
from clipface_cli.train.weight_map import weight_map

_COARSE = 8  # texels a side over which colours are held
_HOLD = 20.0  # weight of these colours


class Anchor:
    """A corpus whose people the first numbers of z stand for (see `warm_start`), and the start.

    The people keep being reconstructed. Anybody else keeps the colours that `start` gives the same
    code; only what is finer is the game's to change.
    """

    def __init__(self, folder: Path, head: HeadModel, start: Generator) -> None:
        self.corpus = Corpus.load(folder, start.resolution)
        self.weight = weight_map(head, start.resolution)
        self.start = deepcopy(start).eval().requires_grad_(False)

    def draw(self, chance: Chance, z_dim: int) -> tuple[Tensor, Tensor]:
        """z (B, z_dim) of random people of the corpus, and their textures."""
        rows = (chance.uniform(1)[:, 0].cpu() * len(self.corpus)).long()
        latents = self.corpus.latents[rows]
        z = chance.normal(z_dim)
        z[:, : latents.shape[1]] = latents.to(z)
        return z, self.corpus.batch(rows, z.device).to(z)

    def loss(self, textures: Tensor, targets: Tensor) -> Tensor:
        """How far textures (B, 3, R, R) are from those people's."""
        return reconstruction_loss(textures, targets, self.weight.to(textures))

    def drift(self, textures: Tensor, w: Tensor) -> Tensor:
        """How far textures (B, 3, R, R) of codes w (B, L, w_dim) have left the start's colours."""
        with torch.no_grad():
            before = self.start.to(w.device, w.dtype).synthesis(w)
        return _HOLD * F.avg_pool2d(textures - before, _COARSE).abs().mean()
