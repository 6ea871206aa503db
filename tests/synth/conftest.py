"""A small canvas and a few people, painted once."""

import pytest

from clipface_cli.head import HeadModel
from clipface_cli.synth import Canvas, Person, person_from_latent, sample_attributes


@pytest.fixture(scope="session")
def canvas(head: HeadModel) -> Canvas:
    return Canvas(head, 128)


@pytest.fixture(scope="session")
def people() -> list[Person]:
    return [person_from_latent(latent) for latent in sample_attributes(400, 7)[0]]
