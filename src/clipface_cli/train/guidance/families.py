"""Painted people for training, each in several variants that differ by known changes."""

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
from clipface_cli.train.guidance.changes import (
    CHANGES,
    FACE_CHANGES,
    LOOK_CHANGES,
    Change,
    Latent,
    apply_changes,
)

PAINTED, _KEPT = 256, 192  # texels a side when painted and when kept for rendering
VARIANTS = 2  # changed ones of each person
_TOGETHER = 4  # families a process paints at once: few messages, and all processes end together
_CHANGE_COUNTS = {1: 0.65, 2: 0.25, 3: 0.10}  # how many changes a variant has: probability
_LOOK_SHARE = 0.4  # share of changes to a fantasy look; the others change parts of the face
_LEAST_CHANGE = 0.7  # standard deviations of an attribute, below which a change is hardly visible
_CLIP = 4.0  # standard deviations at which attributes are clipped
_SAMPLED = 2000  # people from whom the attributes' means and deviations are taken
_LEAST_DEVIATION = 0.02  # of an attribute, so that constant ones do not divide by zero

Description = dict[str, Any]
_BY_NAME = {change.name: change for change in CHANGES}


@dataclass
class Family:
    """A person and K variants: textures (1 + K, 3, R, R) uint8, people and changes (1 + K)."""

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
    return [
        _unpack(*packed) for packed in spread(paint_one, range(count), workers, together=_TOGETHER)
    ]


def _paint_packed(row: int, seed: int, variants: int) -> tuple[NDArray[np.uint8], Description]:
    """A family in the form that processes and files exchange."""
    family = _paint_family(np.random.default_rng((seed, row)), variants)
    return family.textures.numpy(), _describe(family)


def _paint_family(rng: np.random.Generator, variants: int) -> Family:
    latent = rng.standard_normal(LATENT_SIZE).astype(np.float32)
    changes: list[tuple[Change, ...]] = [()]
    while len(changes) < 1 + variants:
        chosen = _choose(rng)
        if all(_is_visible(latent, change, rng) for change in chosen):
            changes.append(chosen)
    return painted_family(latent, changes, _canvas(), rng)


@cache
def _canvas() -> Canvas:
    """This process's canvas of the embedded head."""
    return Canvas(HeadModel.load("builtin"), PAINTED)


def painted_family(
    latent: Latent, changes: list[tuple[Change, ...]], canvas: Canvas, rng: np.random.Generator
) -> Family:
    """The person of a latent (LATENT_SIZE,) after each of `changes`; the first should be ()."""
    people = [apply_changes(latent, chosen, rng) for chosen in changes]
    painted = np.stack([paint(person, canvas) for person in people])
    textures = torch.from_numpy(painted).permute(0, 3, 1, 2).float()
    textures = F.interpolate(textures, (_KEPT, _KEPT), mode="bilinear", antialias=True)
    return Family(textures.round().byte(), people, changes)


def _choose(rng: np.random.Generator) -> tuple[Change, ...]:
    """One to three changes of different parts."""
    chosen: dict[str, Change] = {}
    for _ in range(rng.choice(list(_CHANGE_COUNTS), p=list(_CHANGE_COUNTS.values()))):
        group = LOOK_CHANGES if rng.random() < _LOOK_SHARE else FACE_CHANGES
        change = group[rng.integers(len(group))]
        chosen.setdefault(change.part, change)
    return tuple(chosen.values())


def load_families(path: Path, count: int, seed: int, workers: int = 0) -> list[Family]:
    """Painted families, kept in `path` for resumed runs and worker processes."""
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


def _is_visible(latent: Latent, change: Change, rng: np.random.Generator) -> bool:
    """Whether the change moves some attribute by a visible amount."""
    before = person_from_latent(latent).vector()
    after = apply_changes(latent, (change,), rng).vector()
    _, spread = _attribute_statistics()
    return bool((np.abs(after - before) / spread).max() > _LEAST_CHANGE)


def standardised(person: Person) -> Latent:
    """Attributes (A,) in standard deviations from their means, clipped to [-4, 4]."""
    mean, spread = _attribute_statistics()
    return ((person.vector() - mean) / spread).clip(-_CLIP, _CLIP)


@lru_cache
def _attribute_statistics() -> tuple[Latent, Latent]:
    """Mean and standard deviation (A,) of every attribute."""
    attributes = sample_attributes(_SAMPLED, 0)[1]
    return attributes.mean(0), np.maximum(attributes.std(0), _LEAST_DEVIATION)
