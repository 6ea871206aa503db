"""Texture models that `evaluate` compares, by the words that users type."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.artifacts import file_hash
from clipface_cli.assets import locate_asset
from clipface_cli.baselines.flametex import linear_texture
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, LinearTexture, fast_autocast, generator_for
from clipface_cli.train.gan.data_loader import ImageFiles


class TextureModel(Protocol):
    """Random textures."""

    @property
    def name(self) -> str:
        """Name of its row in the table."""

    @property
    def version(self) -> str:
        """Changes with its weights."""

    def __call__(self, seeds: Sequence[int]) -> Tensor:
        """Random textures (B, 3, R, R) in [-1, 1], each from its own seed."""


@dataclass(frozen=True)
class GeneratorModel:
    """A texture generator; z is drawn from the standard normal distribution, untruncated.

    Textures are (B, 3, R, R) in [-1, 1].
    """

    name: str
    generator: Generator
    version: str
    resolution: int | None = None

    @torch.no_grad()
    def __call__(self, seeds: Sequence[int]) -> Tensor:
        z = _normal(seeds, self.generator.z_dim).to(self.generator.device)
        with fast_autocast(self.generator.device):
            w = self.generator.mapping(z)
            return self.generator.synthesis(w, resolution=self.resolution).float().clamp(-1, 1)


@dataclass(frozen=True)
class LinearModel:
    """A linear texture model; coefficients are drawn from the standard normal distribution.

    Textures are (B, 3, R, R) in [-1, 1].
    """

    name: str
    model: LinearTexture
    version: str = ""

    @torch.no_grad()
    def __call__(self, seeds: Sequence[int]) -> Tensor:
        return self.model(_normal(seeds, self.model.components).to(self.model.mean)).clamp(-1, 1)


def _normal(seeds: Sequence[int], size: int) -> Tensor:
    """Standard normal numbers (B, size), row by row from the seeds."""
    rows = [
        torch.randn(1, size, generator=torch.Generator().manual_seed(seed), device="cpu")
        for seed in seeds
    ]
    return torch.cat(rows)


def load_generator_model(entry: str, head: HeadModel) -> GeneratorModel:
    """ "[NAME=]SOURCE[@RESOLUTION]": a generator as --generator takes it elsewhere.

    By default it is named after its source. RESOLUTION leaves its finer levels out; InputError for
    one that it does not have.
    """
    name, equals, words = entry.partition("=")
    source, at, side = (words if equals else name).rpartition("@")
    if not at:
        source, side = side, ""
    generator = generator_for(head, Generator.load(source)).to(head.template.device)
    known = [str(2**k) for k in range(2, generator.resolution.bit_length())]
    if side and side not in known:
        raise InputError(f"{source} has textures of {', '.join(known)}, not {side}.")
    title = name if equals else (Path(source).name or source) + at + side
    return GeneratorModel(title, generator, _hash(source) + side, int(side) if side else None)


def load_texture_model(word: str, head: HeadModel) -> LinearModel:
    """ "flametex": the linear model of the head's layout; InputError for another word."""
    if word != "flametex":
        raise InputError(f"--texture-model: no {word!r}; there is flametex.")
    model = linear_texture(head).to(head.template.device)
    return LinearModel("FlameTex", model)


def _hash(source: str) -> str:
    """Of the weights; a run's folder counts by its generator.safetensors."""
    if source == "builtin":
        return source
    path = locate_asset(source)
    path = path / "generator.safetensors" if path.is_dir() else path
    return file_hash(path)


def uv_maps(folder: Path, resolution: int, asked: bool) -> ImageFiles | None:
    """The pictures of FOLDER/uv, or of FOLDER itself; None where there are none.

    asked: whether the user named the folder; then it raises InputError instead.
    """
    paths = sorted((folder / "uv").glob("*.png")) or (sorted(folder.glob("*.png")) if asked else [])
    if not paths and asked:
        raise InputError(f"{folder} holds no UV maps; give a corpus such as `synth` writes.")
    return ImageFiles(paths, resolution) if paths else None
