"""Training of the texture generator: warm start on painted people, adversarial training."""

from clipface_cli.train.adversarial import GanSettings, train_gan
from clipface_cli.train.warm_start import WarmStartSettings, warm_start

__all__ = ["GanSettings", "WarmStartSettings", "train_gan", "warm_start"]
