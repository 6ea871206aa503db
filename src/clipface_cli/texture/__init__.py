"""UV textures of heads: the generator, its discriminator, their weight files, and inversion."""

from clipface_cli.texture.carry import generator_for
from clipface_cli.texture.codes import load_codes
from clipface_cli.texture.discriminator import Discriminator
from clipface_cli.texture.generator import Generator, Noise
from clipface_cli.texture.invert import invert
from clipface_cli.texture.layers import (
    GAIN,
    SLOPE,
    EqualizedLinear,
    equalized_linear,
    fast_autocast,
    normalize_second_moment,
)
from clipface_cli.texture.linear import LinearTexture
from clipface_cli.texture.registry import GENERATOR_FORMATS, GeneratorWeights
from clipface_cli.texture.resample import downsample, upsample_image
from clipface_cli.texture.similarity import ssim
from clipface_cli.texture.weights import load_state, locate, save_state

__all__ = [
    "GAIN",
    "GENERATOR_FORMATS",
    "SLOPE",
    "Discriminator",
    "EqualizedLinear",
    "Generator",
    "GeneratorWeights",
    "LinearTexture",
    "Noise",
    "downsample",
    "equalized_linear",
    "fast_autocast",
    "generator_for",
    "invert",
    "load_codes",
    "load_state",
    "locate",
    "normalize_second_moment",
    "save_state",
    "ssim",
    "upsample_image",
]
