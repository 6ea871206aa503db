"""People painted for the guidance, each in several versions that differ by known changes."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.head import HeadModel
from clipface_cli.synth import (
    LATENT_SIZE,
    Canvas,
    Person,
    paint,
    person_from_latent,
    sample_attributes,
    spread,
)
from clipface_cli.train._guidance_changes import (
    CHANGES,
    FACE_CHANGES,
    LOOK_CHANGES,
    Change,
    Latent,
    apply_changes,
)

PAINTED, _KEPT = 256, 192  # texels a side when painted and when kept for rendering
VARIANTS = 2

Description = dict[str, Any]
_BY_NAME = {change.name: change for change in CHANGES}


@dataclass
class Family:
    """A person and variants of it. textures (1 + K, 3, R, R) uint8; people and changes (1 + K)."""

    textures: Tensor
    people: list[Person]
    changes: list[tuple[Change, ...]]


def paint_families(
    count: int, seed: int, variants: int = VARIANTS, workers: int = 0
) -> list[Family]:
    """Paint `count` people, each with changed variants; about 0.08 s a texture and core.

    Each family depends on its number and the seed alone; `workers` processes share the work.
    """
    paint_one = partial(_paint_packed, seed=seed, variants=variants)
    return [_unpack(*packed) for packed in spread(paint_one, range(count), workers, together=4)]


def _paint_packed(row: int, seed: int, variants: int) -> tuple[NDArray[np.uint8], Description]:
    """A family as processes and files pass it on."""
    family = _paint_family(np.random.default_rng((seed, row)), variants)
    return family.textures.numpy(), _describe(family)


def _paint_family(rng: np.random.Generator, variants: int) -> Family:
    latent = rng.standard_normal(LATENT_SIZE).astype(np.float32)
    changes: list[tuple[Change, ...]] = [()]
    while len(changes) < 1 + variants:
        chosen = _choose(rng)
        if all(_visible(latent, change, rng) for change in chosen):
            changes.append(chosen)
    return painted_family(latent, changes, _canvas(), rng)


@cache
def _canvas() -> Canvas:
    """This process's canvas of the embedded head."""
    return Canvas(HeadModel.load("builtin"), PAINTED)


def painted_family(
    latent: Latent, changes: list[tuple[Change, ...]], canvas: Canvas, rng: np.random.Generator
) -> Family:
    """The person of a latent after each of `changes`; the first should be ()."""
    people = [apply_changes(latent, chosen, rng) for chosen in changes]
    painted = np.stack([paint(person, canvas) for person in people])
    textures = torch.from_numpy(painted).permute(0, 3, 1, 2).float()
    textures = F.interpolate(textures, (_KEPT, _KEPT), mode="bilinear", antialias=True)
    return Family(textures.round().byte(), people, changes)


def _choose(rng: np.random.Generator) -> tuple[Change, ...]:
    """One to three changes of different parts."""
    chosen: dict[str, Change] = {}
    for _ in range(rng.choice([1, 2, 3], p=[0.65, 0.25, 0.10])):
        group = LOOK_CHANGES if rng.random() < 0.4 else FACE_CHANGES
        change = group[rng.integers(len(group))]
        chosen.setdefault(change.part, change)
    return tuple(chosen.values())


def load_families(path: Path, count: int, seed: int, workers: int = 0) -> list[Family]:
    """Painted families, kept in `path` between the pieces of a run and for its processes."""
    header = {"count": str(count), "seed": str(seed)}
    if path.is_file():
        tensors, found = read_tensors(path, "clipface-families")
        if header.items() <= found.items():
            described = json.loads(found["families"])
            return [_unpack(*packed) for packed in zip(tensors["textures"], described, strict=True)]
    families = paint_families(count, seed, workers=workers)
    described = [_describe(family) for family in families]
    header |= {"format": "clipface-families", "families": json.dumps(described)}
    write_tensors(path, {"textures": torch.stack([f.textures for f in families])}, header)
    return families


def _describe(family: Family) -> Description:
    return {
        "people": [person.to_dict() for person in family.people],
        "changes": [[change.name for change in chosen] for chosen in family.changes],
    }


def _unpack(textures: Tensor | NDArray[np.uint8], described: Description) -> Family:
    return Family(
        torch.as_tensor(textures),
        [Person.from_dict(values) for values in described["people"]],
        [tuple(_BY_NAME[name] for name in chosen) for chosen in described["changes"]],
    )


def _visible(latent: Latent, change: Change, rng: np.random.Generator) -> bool:
    """The change moves some attribute by more than 0.7 of its standard deviation."""
    before = person_from_latent(latent).vector()
    after = apply_changes(latent, (change,), rng).vector()
    _, spread = _usual()
    return bool((np.abs(after - before) / spread).max() > 0.7)


def standardised(person: Person) -> Latent:
    """Attributes (A,) as standard deviations from their means, 4 at most."""
    mean, spread = _usual()
    return ((person.vector() - mean) / spread).clip(-4, 4)


@lru_cache
def _usual() -> tuple[Latent, Latent]:
    """Mean and standard deviation (A,) of every attribute."""
    attributes = sample_attributes(2000, 0)[1]
    return attributes.mean(0), np.maximum(attributes.std(0), 0.02)
