import numpy as np

from clipface_cli.synth import (
    ATTRIBUTE_NAMES,
    ATTRIBUTE_SIZE,
    LATENT_SIZE,
    LOOKS,
    Person,
    person_from_latent,
    sample_attributes,
)


def test_vector_matches_the_vectorised_attributes() -> None:
    latents, attributes = sample_attributes(50, 3)
    assert latents.shape == (50, LATENT_SIZE)
    assert LATENT_SIZE <= 96
    assert attributes.shape == (50, ATTRIBUTE_SIZE) == (50, len(ATTRIBUTE_NAMES))
    for latent, row in zip(latents, attributes, strict=True):
        np.testing.assert_allclose(person_from_latent(latent).vector(), row, atol=2e-5)


def test_longer_samples_start_with_shorter_ones() -> None:
    np.testing.assert_array_equal(sample_attributes(5, 1)[0], sample_attributes(9, 1)[0][:5])


def test_many_samples_stay_bounded() -> None:
    _, attributes = sample_attributes(100_000, 0)
    assert np.isfinite(attributes).all()
    assert np.abs(attributes).max() < 3


def test_shares_of_looks(people: list[Person]) -> None:
    fantasy = np.mean([p.look != "none" for p in people])
    assert 0.28 < fantasy < 0.42
    assert {p.look for p in people} == set(LOOKS)


def test_attributes_are_correlated_sensibly(people: list[Person]) -> None:
    plain = [p for p in people if p.look == "none"]
    women = [p for p in plain if p.sex < 0.5]
    assert max(p.beard for p in women) == 0
    old = [p.hair_red for p in plain if p.age > 0.85 and p.melanin > 0.3]
    young = [p.hair_red for p in plain if p.age < 0.4 and p.melanin > 0.3]
    assert np.mean(old) > np.mean(young) + 0.2


def test_dictionary_round_trip(people: list[Person]) -> None:
    assert Person.from_dict(people[0].to_dict()) == people[0]
