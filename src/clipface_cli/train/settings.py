"""How to train the texture generator, and the presets."""

from dataclasses import dataclass

from clipface_cli.errors import InputError


@dataclass(frozen=True)
class GanSettings:
    """How to train; the budget is `minutes` when given, else `steps`."""

    head: str = "builtin"  # what the dataset was fitted with
    resolution: int = 256
    steps: int = 300_000
    minutes: float | None = None
    batch: int = 8  # images a device and step
    pieces: int = 1  # in which a device computes its batch, to save memory
    learning_rate: float = 2e-3
    critic_rate: float = 2e-3
    cooling: float = 0.0  # share of the budget, its last, in which both rates fall to zero
    clip: float = 1.0  # largest norm of the generator's gradient
    penalty: float = 10.0  # R1
    penalty_every: int = 16
    path_weight: float = 2.0  # path lengths; 0 leaves them out
    path_every: int = 4
    patches: int = 16  # an image shows the patch discriminator; 0 leaves it out
    patch_size: int = 64  # at most half the resolution is taken
    augment_target: float | None = 0.6  # of the mean sign on real images; None: no augmentation
    augment_images: float = 500_000  # after how many the probability can have risen to 1
    augment_every: int = 4
    style_mixing: float = 0.9
    average_images: float = 10_000  # half-life of the moving average of G, shorter at first
    critic_first: int = 0  # steps in which only the discriminators learn
    anchor: float = 4.0  # weight of its people's colours where a corpus is given
    freeze: int = 0  # leave mapping and blocks up to this resolution as they are
    whiten: bool = False  # show the discriminators pictures with even octaves
    channel_base: int = 8192
    channel_max: int = 256
    critic_base: int | None = None  # of the discriminators' channels, where not the generator's
    critic_max: int | None = None
    workers: int = 4  # threads that read images
    cache_gib: float = 4.0  # of decoded images kept in memory
    every: int = 200  # steps between two checkpoints
    score_images: int = 64  # by whose distance to photos the best checkpoint is picked
    seed: int = 0

    def check(self) -> None:
        """InputError for settings that cannot work."""
        if self.resolution & (self.resolution - 1) or not 16 <= self.resolution <= 1024:
            raise InputError("--resolution must be a power of two from 16 to 1024.")
        if self.freeze >= self.resolution:
            raise InputError(f"--freeze must be below the resolution, {self.resolution}.")
        if self.batch % self.pieces:
            raise InputError(f"--batch {self.batch} does not divide by --accumulate {self.pieces}.")


PRESETS = {
    # Paper section 4 and appendix 7, widths of the published code.
    "paper": GanSettings(resolution=512, channel_base=16384, channel_max=512, every=1000),
    # What two CPU cores can do for the weights in the package.
    "embedded": GanSettings(
        batch=4,
        learning_rate=1.5e-3,
        cooling=0.2,
        penalty=1.0,
        path_weight=0.0,
        patches=8,
        augment_target=None,
        style_mixing=0.0,
        average_images=2000,
        critic_first=20,
        whiten=True,
        critic_base=2048,
        critic_max=128,
        every=100,
    ),
}
