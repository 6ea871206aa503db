"""Training of the embedded text-image model on renders of painted people."""

from clipface_cli.train.guidance.scores import score
from clipface_cli.train.guidance.training import GuidanceSettings, train_guidance

__all__ = ["GuidanceSettings", "score", "train_guidance"]
