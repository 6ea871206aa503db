"""Head shapes that match sex and age of the people on their textures."""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.synth import LATENT_SIZE, Person, person_from_latent
from clipface_cli.texture import Generator

MIDDLE = 0.52  # age of the mean shape, as `Person` counts it
AGES = 0.13, 0.92  # lowest and highest at which shapes are known


def shapes_painted(
    head: HeadModel, generator: Generator, z: Tensor, random_shape: Tensor
) -> Tensor:
    """Shapes (B, S) of the people whom the generator paints for z (B, z_dim).

    random_shape (B, S): shapes apart from the components of sex and age, where these are known.
    """
    people = [person_painted(generator, one[None]) for one in z]
    return torch.cat(
        [
            shape if person is None else shape_for(head, person, shape)
            for person, shape in zip(people, random_shape.split(1), strict=True)
        ]
    )


def person_painted(generator: Generator, z: Tensor) -> Person | None:
    """Attributes that a generator paints for z (1, z_dim); None where z does not begin with them.

    The generator's file says whether it does (`Generator.latent`).
    """
    if generator.latent != "attributes":
        return None
    return person_from_latent(z[0, :LATENT_SIZE].numpy())


def shape_for(head: HeadModel, person: Person, random_shape: Tensor) -> Tensor:
    """`random_shape` (1, S) with the components of sex and age set to the person's."""
    if not head.traits:
        return random_shape
    man, age = head.traits["man"], head.traits["age"]
    known, _ = torch.linalg.qr(torch.stack([man, age], 1))
    years = min(max(person.age, AGES[0]), AGES[1])
    return (
        random_shape
        - random_shape @ known @ known.T
        + (person.sex - 0.5) * man
        + (years - MIDDLE) * age
    )
