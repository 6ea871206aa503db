"""Colour (reconstruction) loss: keeps the colours of a warm start."""

from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from clipface_cli.train.common.sample_streams import SampleStreams
from clipface_cli.train.gan.corpus import Corpus

_AREA = 4  # texels a side over which colours are averaged; the adversarial loss covers finer detail


class ColourLoss:
    """L1 distance of coarse colours to the corpus that the generator was warm-started on.

    The first numbers of z stand for a person of the corpus (see `warm_start`), whose texture is
    known. It keeps colours also where photos give no gradient (teeth).
    """

    def __init__(self, folder: Path, resolution: int) -> None:
        """Reads the corpus at `resolution`; InputError when the folder is none."""
        self.corpus = Corpus.load(folder, resolution)

    def draw(self, streams: SampleStreams, z_dim: int) -> tuple[Tensor, Tensor]:
        """z (B, z_dim) of random people of the corpus, and their textures (B, 3, R, R)."""
        rows = (streams.on_cpu().uniform(1)[:, 0] * len(self.corpus)).long()
        latents = self.corpus.latents[rows]
        z = streams.normal(z_dim)
        z[:, : latents.shape[1]] = latents.to(z, non_blocking=True)
        return z, self.corpus.batch(rows, z.device).to(z)

    def __call__(self, textures: Tensor, targets: Tensor) -> Tensor:
        """Mean absolute difference () of 4 x 4 averages of textures (B, 3, R, R) in [-1, 1]."""
        return F.avg_pool2d(textures - targets, _AREA).abs().mean()
