"""Mappers and latent codes in ClipFace's published files, with random weights."""

from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor

CODE, EXPRESSION, POSE = 512, 50, 6
SIZE = 30.0  # of weights, which layers multiply by 0.01: offsets of about 0.3
Network = dict[str, Tensor]


def network(*widths: int, seed: int = 0) -> Network:
    """An MLP; widths: numbers into the first layer, and out of each."""
    random = torch.Generator().manual_seed(seed)
    layers: Network = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        layers[f"layers.{layer}.weight"] = SIZE * torch.randn(outputs, inputs, generator=random)
        layers[f"layers.{layer}.bias"] = torch.zeros(outputs)
    return layers


def write_mapper(path: Path, levels: int) -> None:
    """One layer a level, from codes to offsets."""
    torch.save({f"level_{i}": network(CODE, CODE, seed=i) for i in range(levels)}, path)


def write_motion_mapper(path: Path, levels: int) -> None:
    """One layer a level, from code, expression and pose to offsets."""
    width = CODE + EXPRESSION + POSE
    torch.save({f"level_{i}": network(width, CODE, seed=i) for i in range(levels)}, path)


def write_zero_mappers(path: Path) -> None:
    """Texture and expression mappers, four layers each, one for all levels; zero offsets."""
    texture, geometry = network(*[CODE] * 5), network(CODE, *[EXPRESSION] * 4)
    for state in (texture, geometry):
        state["layers.3.weight"].zero_()
    torch.save({"texture_mapper": texture, "geometry_mapper": geometry}, path)


def write_codes(folder: Path, codes: Tensor) -> None:
    """codes (N, L, w_dim), a file each."""
    folder.mkdir()
    for index, code in enumerate(codes):
        torch.save(code.clone(), folder / f"w_{index}.pt")
