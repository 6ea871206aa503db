"""Training of the texture generator: warm start on painted people, adversarial training."""

from clipface_cli.train.gan.settings import PRESETS, GanSettings
from clipface_cli.train.gan.training import train_gan
from clipface_cli.train.gan.warm_start import WarmStartSettings, warm_start

__all__ = ["PRESETS", "GanSettings", "WarmStartSettings", "train_gan", "warm_start"]
