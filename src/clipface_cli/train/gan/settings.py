"""Settings of adversarial training, and the presets."""

from dataclasses import dataclass

from clipface_cli.errors import InputError


@dataclass(frozen=True)
class GanSettings:
    """Settings of adversarial training; the budget is `minutes` when given, else `steps`."""

    head: str = "builtin"  # what the dataset was fitted with
    resolution: int = 256
    steps: int = 300_000
    minutes: float | None = None
    batch: int = 8  # images a device and step
    micro_batches: int = 1  # in which a device computes its batch, to save memory
    learning_rate: float = 2e-3
    discriminator_rate: float = 2e-3
    decay_share: float = 0.0  # last share of the budget, in which both rates decay to zero
    gradient_clip: float = 1.0  # largest norm of the generator's gradient
    r1_weight: float = 10.0
    r1_every: int = 16  # steps
    path_weight: float = 2.0  # of path-length regularisation; 0 switches it off
    path_every: int = 4  # steps
    patches: int = 16  # an image, for the patch discriminator; 0 switches it off
    patch_size: int = 64  # pixels a side, at most half the resolution
    augment_target: float | None = 0.6  # of r_t, the mean sign on real images; None: no ADA
    augment_images: float = 500_000  # in which the probability can rise from 0 to 1
    augment_every: int = 4  # steps
    style_mixing: float = 0.9  # probability
    ema_images: float = 10_000  # half-life of the EMA of G in images, shorter at first
    discriminator_only_steps: int = 0  # first steps, in which the generator does not learn
    colour_weight: float = 4.0  # of the colour loss, where a corpus is given
    freeze: int = 0  # keep mapping and blocks up to this resolution fixed
    whiten: bool = False  # whiten the octaves of the discriminators' inputs
    channel_base: int = 8192
    channel_max: int = 256
    discriminator_base: int | None = None  # channels of the discriminators; None: as the generator
    discriminator_max: int | None = None
    workers: int = 4  # threads that read images
    cache_gib: float = 4.0  # of decoded images kept in memory
    every: int = 200  # steps between two checkpoints
    score_images: int = 64  # by whose KID the best checkpoint is selected
    seed: int = 0

    def check(self) -> None:
        """InputError for settings that cannot work."""
        if self.resolution & (self.resolution - 1) or not 16 <= self.resolution <= 1024:
            raise InputError("--resolution must be a power of two from 16 to 1024.")
        if self.freeze >= self.resolution:
            raise InputError(f"--freeze must be below the resolution, {self.resolution}.")
        if self.batch % self.micro_batches:
            raise InputError(
                f"--batch {self.batch} does not divide by --accumulate {self.micro_batches}."
            )


PRESETS = {
    # Sec. 4 and appendix 7; channels of the published code.
    "paper": GanSettings(resolution=512, channel_base=16384, channel_max=512, every=1000),
    # What two CPU cores can do for the weights in the package.
    "embedded": GanSettings(
        batch=4,
        learning_rate=1.5e-3,
        decay_share=0.2,
        r1_weight=1.0,
        path_weight=0.0,
        patches=8,
        augment_target=None,
        style_mixing=0.0,
        ema_images=2000,
        discriminator_only_steps=20,
        whiten=True,
        discriminator_base=2048,
        discriminator_max=128,
        every=100,
    ),
}
