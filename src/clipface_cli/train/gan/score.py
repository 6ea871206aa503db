"""The score that selects a run's best checkpoint."""

import torch
from torch import Tensor

from clipface_cli.guidance import load_guidance
from clipface_cli.metrics import Features, kernel_distance
from clipface_cli.texture import Generator
from clipface_cli.train.gan.image_domain import ImageDomain

_BATCH = 8  # images encoded at once; bounds memory
_KID_SCALE = 1000  # KID is reported times 1000, as usual


class CheckpointScore:
    """Kernel distance (KID x 1000) between a domain's real images and the generator's fakes.

    Images and codes are the same every time; features are the embedded text-image model's.
    """

    def __init__(self, domain: ImageDomain, images: int) -> None:
        """`images`: how many of the domain's images to compare."""
        device = domain.head.template.device
        self.domain = domain
        self.features = Features("builtin", load_guidance("builtin").to(device).encode_image)
        self.rows = torch.arange(min(images, len(domain.images)), device="cpu").split(_BATCH)
        faces = (domain.face_images(domain.images.batch(rows).to(device)) for rows in self.rows)
        self.real = self.features.of(faces)

    @torch.no_grad()
    def __call__(self, generator: Generator) -> float:
        """Less is better; the estimate is unbiased, so it can fall below 0."""
        fake = self.features.of(self._fakes(generator, rows) for rows in self.rows)
        return _KID_SCALE * kernel_distance(self.real, fake)

    def _fakes(self, generator: Generator, rows: Tensor) -> Tensor:
        weight = generator.mapping.w_avg
        random = torch.Generator().manual_seed(int(rows[0]))
        z = torch.randn(len(rows), generator.z_dim, generator=random, device="cpu")
        textures = generator(z.to(weight)).float().clamp(-1, 1)
        return self.domain.face_images(self.domain.render_fakes(textures, rows))
