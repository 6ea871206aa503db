"""The generator with its exponential moving average (EMA), and fake textures of random codes."""

from copy import deepcopy

import torch
from torch import Tensor, nn

from clipface_cli.texture import Generator
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.common.loop import update_average
from clipface_cli.train.common.sample_streams import SampleStreams
from clipface_cli.train.gan.colour_loss import ColourLoss
from clipface_cli.train.gan.settings import GanSettings

_MEAN_W_RATE = 0.005  # of the moving average of w, as published: 1 - 0.995
_EMA_RAMP = 0.1  # the EMA's half-life is at most this share of the images seen so far
_FIRST_SIDE = 8  # texels a side of the first block's output


class GeneratorEMA(nn.Module):
    """Generator and its moving average.

    With `fixed_noise` the constant noise maps are used, which a warm start has trained. With a
    colour loss all codes are those of its corpus's people.
    """

    def __init__(
        self,
        generator: Generator,
        settings: GanSettings,
        processes: Distributed,
        fixed_noise: bool,
        colour_loss: ColourLoss | None,
    ) -> None:
        super().__init__()
        self.settings, self.processes = settings, processes
        self.fixed_noise, self.colour_loss = fixed_noise, colour_loss
        self.generator = _freeze_coarse(generator.train(), settings.freeze)
        self.average = deepcopy(generator).eval().requires_grad_(False)

    def codes(self, streams: SampleStreams) -> Tensor:
        """w (B, L, w_dim) of random z, most of them style-mixed from two at a random level."""
        mapping, levels = self.generator.mapping, self.generator.num_ws
        z, other = streams.normal(self.generator.z_dim), streams.normal(self.generator.z_dim)
        draw = streams.uniform(2)
        w = mapping(z.to(self.processes.dtype))
        if not self.settings.freeze:
            self._update_mean_w(w[:, 0])
        first = 1 + (draw[:, :1] * (levels - 1)).long()
        mixed = (draw[:, 1:] < self.settings.style_mixing) & (
            torch.arange(levels, device=w.device) >= first
        )
        return torch.where(mixed[..., None], mapping(other.to(w.dtype)), w)

    def textures(self, w: Tensor, streams: SampleStreams) -> Tensor:
        """Textures (B, 3, R, R) of codes w (B, L, w_dim), in the losses' precision."""

        def random_noise(size: int) -> Tensor:
            return streams.normal_on_device(1, size, size)

        noise = "const" if self.fixed_noise else random_noise
        with self.processes.autocast():
            texture: Tensor = self.generator.synthesis(w, noise=noise)
        return texture.to(self.processes.dtype)

    def fake_textures(self, streams: SampleStreams) -> tuple[Tensor, Tensor]:
        """Textures (B, 3, R, R) of random codes, and their colour loss () (0 without one)."""
        if self.colour_loss is None:
            w = self.codes(streams)
            return self.textures(w, streams), w.new_zeros(())
        z, targets = self.colour_loss.draw(streams, self.generator.z_dim)
        textures = self.textures(self.generator.mapping(z.to(self.processes.dtype)), streams)
        return textures, self.colour_loss(textures, targets)

    def update_ema(self, images: int, batch: int) -> None:
        """Update the average after a step of `batch` images; `images` were seen before it."""
        half_life = min(self.settings.ema_images, _EMA_RAMP * images + batch)
        update_average(self.average, self.generator, 0.5 ** (batch / half_life))

    @torch.no_grad()
    def _update_mean_w(self, w: Tensor) -> None:
        mean = self.generator.mapping.w_avg
        mean.lerp_(self.processes.mean(w.detach().mean(0)), _MEAN_W_RATE)


def _freeze_coarse(generator: Generator, frozen: int) -> Generator:
    """Freeze the mapping and the blocks up to `frozen` texels a side; 0 freezes nothing."""
    generator.requires_grad_(not frozen)
    blocks = generator.synthesis.get_submodule("blocks").children()
    for level, block in enumerate(blocks):
        block.requires_grad_(_FIRST_SIDE << level > frozen)
    return generator
