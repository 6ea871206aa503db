"""Shapes of heads that go with the people who are painted on them."""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.synth import LATENT_SIZE, Person, person_from_latent
from clipface_cli.texture import Generator

MIDDLE = 0.52  # age of the mean shape, as `Person` counts it
AGES = 0.13, 0.92  # between which shapes are known


def shapes_painted(head: HeadModel, generator: Generator, z: Tensor, chance: Tensor) -> Tensor:
    """Shapes (B, S) of the people whom the generator paints for z (B, z_dim).

    As `chance` (B, S) has them, but for what is known of who is painted.
    """
    people = [person_painted(generator, one[None]) for one in z]
    return torch.cat(
        [
            shape if person is None else shape_for(head, person, shape)
            for person, shape in zip(people, chance.split(1), strict=True)
        ]
    )


def person_painted(generator: Generator, z: Tensor) -> Person | None:
    """Whom a generator paints for z (1, z_dim); None where z does not begin with attributes.

    That it does is said by the generator's file (`Generator.latent`), not by where it lies.
    """
    if generator.latent != "attributes":
        return None
    return person_from_latent(z[0, :LATENT_SIZE].numpy())


def shape_for(head: HeadModel, person: Person, chance: Tensor) -> Tensor:
    """A shape (1, S) as heads of the person's sex and age have it, otherwise by `chance` (1, S)."""
    if not head.traits:
        return chance
    man, age = head.traits["man"], head.traits["age"]
    known, _ = torch.linalg.qr(torch.stack([man, age], 1))
    years = min(max(person.age, AGES[0]), AGES[1])
    return chance - chance @ known @ known.T + (person.sex - 0.5) * man + (years - MIDDLE) * age
