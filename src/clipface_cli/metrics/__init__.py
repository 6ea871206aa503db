"""How good generated heads are: distances between sets of images, CLIP score, a PCA baseline."""

from clipface_cli.metrics.clip_score import clip_score
from clipface_cli.metrics.distances import frechet_distance, kernel_distance
from clipface_cli.metrics.features import image_features
from clipface_cli.metrics.pca import PcaTexture

__all__ = ["PcaTexture", "clip_score", "frechet_distance", "image_features", "kernel_distance"]
