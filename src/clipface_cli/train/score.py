"""The score that picks a run's best checkpoint."""

import torch
from torch import Tensor

from clipface_cli.guidance import load_guidance
from clipface_cli.metrics import image_features, kernel_distance
from clipface_cli.texture import Generator
from clipface_cli.train.stage import Stage

_BATCH = 8


class Score:
    """Kernel distance, times 1000, between the stage's pictures and the generator's.

    Always the same pictures and codes, on the features of the embedded text-image model.
    """

    def __init__(self, stage: Stage, images: int) -> None:
        self.stage, self.tower = stage, load_guidance("builtin")
        self.rows = torch.arange(min(images, len(stage.pictures))).split(_BATCH)
        faces = (stage.faces(stage.pictures.batch(rows)) for rows in self.rows)
        self.real = image_features(self.tower, faces)

    @torch.no_grad()
    def __call__(self, generator: Generator) -> float:
        """Less is better; unbiased, so it can fall below 0."""
        fake = image_features(self.tower, (self._show(generator, rows) for rows in self.rows))
        return 1000 * kernel_distance(self.real, fake)

    def _show(self, generator: Generator, rows: Tensor) -> Tensor:
        weight = generator.mapping.w_avg
        random = torch.Generator().manual_seed(int(rows[0]))
        z = torch.randn(len(rows), generator.z_dim, generator=random)
        textures = generator(z.to(weight)).float().clamp(-1, 1)
        return self.stage.faces(self.stage.show(textures, rows)).cpu()
