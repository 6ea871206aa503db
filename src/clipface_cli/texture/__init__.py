"""UV textures: the generator, its discriminator, and their weights."""

from clipface_cli.texture.discriminator import Discriminator
from clipface_cli.texture.generator import Generator

__all__ = ["Discriminator", "Generator"]
