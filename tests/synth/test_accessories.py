"""People drawn with hats and glasses."""

import numpy as np
import pytest
import torch

from clipface_cli.head import HeadModel
from clipface_cli.synth.accessories import draw_accessory, garments
from clipface_cli.synth.accessories.garments import Frame, Measures, Seat
from clipface_cli.synth.accessories.hats import HATS, SHAPES

SIZE = 64


@pytest.fixture(scope="module")
def measures(head: HeadModel) -> Measures:
    return Measures.of(head, head.template.double().numpy())


def test_the_same_seed_draws_the_same_person(head: HeadModel) -> None:
    skin = [torch.full((3, 8, 8), 0.2)]
    first, again, other = (
        draw_accessory(head, skin, np.random.default_rng(seed), SIZE) for seed in (0, 0, 1)
    )
    assert first.image.shape == (SIZE, SIZE, 3)
    assert (first.image == again.image).all()
    assert (first.image != other.image).any()


@pytest.mark.parametrize("kind", HATS)
def test_every_hat_is_a_mesh_over_the_brows(measures: Measures, kind: str) -> None:
    parts = SHAPES[kind](measures, Seat(0.05, 0.01, 0.01), np.random.default_rng(0))
    for part in parts:
        assert np.isfinite(part.points).all()
        assert part.faces.max() < len(part.points) == len(part.uv)
    assert max(part.points[:, 1].max() for part in parts) > 0.05


def test_hats_hold_the_head(head: HeadModel, measures: Measures) -> None:
    seat = Seat(0.05, 0.01, 0.01)
    crown = garments.crown(measures, seat, garments.dome(2.0))
    assert crown.points[:, 1].max() == pytest.approx(measures.high[1] + 0.01)
    assert crown.points[:, 0].max() > measures.high[0]
    normals = np.cross(*(crown.points[crown.faces[:, i]] - crown.points[crown.faces[:, 0]]
                         for i in (1, 2)))  # fmt: skip
    outward = crown.points[crown.faces].mean(1) - crown.points.mean(0)
    assert ((normals * outward).sum(1) > 0).mean() > 0.9


def test_glasses_sit_before_the_eyes(measures: Measures) -> None:
    frame = Frame(0.023, 0.017, 2.4, 0, 0, 0.001, 1.0, 0.012)
    wires, lenses = garments.glasses(measures, frame)
    for side, eye in zip((-1, 1), measures.eyes, strict=True):
        lens = lenses.points[lenses.points[:, 0] * side > 0]
        assert np.abs(lens.mean(0)[:2] - eye[:2]).max() < 0.006
        assert lens[:, 2].min() > eye[2] - 0.005
    assert wires.points[:, 2].min() < -0.09  # arms reach the ears
