"""People between people."""

import pytest
import torch

from clipface_cli.avatar import between, sample_subject
from clipface_cli.errors import InputError
from clipface_cli.texture import Generator


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    made = Generator.create(16, channel_max=8, z_dim=16, mapping_layers=2)
    return made.eval().requires_grad_(False)


def test_ends_are_the_people_and_the_middle_is_their_mean(head, generator):
    one, other = (sample_subject(head, generator, seed) for seed in (3, 8))
    names, people = zip(*between([one, other], 3, generator), strict=True)
    assert names == ("0.00", "0.50", "1.00")
    assert torch.equal(people[0].w, one.w)
    assert torch.allclose(people[0].texture, one.texture, atol=1e-5)
    assert torch.equal(people[2].params.shape, other.params.shape)
    assert torch.allclose(people[1].w, (one.w + other.w) / 2)


def test_four_people_span_a_grid(head, generator):
    corners = [sample_subject(head, generator, seed) for seed in range(4)]
    people = [person for _, person in between(corners, 3, generator)]
    assert len(people) == 9
    for corner, place in zip(corners, (0, 2, 6, 8), strict=True):
        assert torch.allclose(people[place].w, corner.w)
    with pytest.raises(InputError):
        next(between(corners[:3], 3, generator))
