"""Movements of the mesh by the embedded models for an expression, in a single pass."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import DEFAULT, EditModels, edit_meshes
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

PROMPTS = ["laughing", "angry", "red lips"]
Moved = dict[str, Tensor]


@pytest.fixture(scope="module")
def edits(head: HeadModel) -> tuple[Subject, list[Subject]]:
    generator = Generator.load("builtin")
    person = sample_subject(head, generator, 17)
    models = EditModels(head, generator, load_guidance("builtin"))
    made = edit_meshes(person, [(p, 0) for p in PROMPTS], models, replace(DEFAULT, steps=0))
    assert all(edit.similarity > 0.5 for edit in made[:2])
    return person, [edit.subject for edit in made]


@pytest.fixture(scope="module")
def moved(head: HeadModel, edits: tuple[Subject, list[Subject]]) -> Moved:
    """Displacement (V, 3) in millimetres of every vertex, by prompt."""
    person, made = edits
    rest = head.pose_head(person.params)[0]
    shifts = [1000 * (head.pose_head(subject.params)[0] - rest) for subject in made]
    return dict(zip(PROMPTS, shifts, strict=True))


def vertices(head: HeadModel, mask: str) -> Tensor:
    return torch.nonzero(head.masks[mask] > 0.5)[:, 0]


def test_laughing_raises_the_corners_and_opens_the_jaw(head: HeadModel, moved: Moved) -> None:
    lips = vertices(head, "lips")
    side = head.template[lips, 0].abs()
    corners = lips[side > 0.8 * side.max()]
    middle = vertices(head, "lower_lip")
    middle = middle[head.template[middle, 0].abs() < 0.005]
    assert moved["laughing"][corners, 1].mean() > 2
    assert moved["laughing"][middle, 1].mean() < -4


def test_angry_lowers_the_inner_brows(head: HeadModel, moved: Moved) -> None:
    brows = vertices(head, "brows")
    side = head.template[brows, 0].abs()
    inner = brows[side < side.median()]
    assert moved["angry"][inner, 1].mean() < -1


def test_nothing_is_torn_off(moved: Moved) -> None:
    assert max(shift.norm(dim=1).max() for shift in moved.values()) < 40


def test_red_lips_are_lips_only(edits: tuple[Subject, list[Subject]], moved: Moved) -> None:
    person, made = edits
    lips = made[PROMPTS.index("red lips")]
    assert moved["red lips"].abs().max() == 0
    changed = (lips.texture - person.texture).abs().amax(1)
    assert (changed > 0).float().mean() < 0.03
    assert changed.max() > 0.3
