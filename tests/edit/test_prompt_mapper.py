"""One mapper for many prompts: it starts at nothing, learns, and knows what it belongs to."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from toy_guidance import MeanColour

from clipface_cli.edit import (
    PROMPTED,
    Aim,
    EditSettings,
    PromptMapper,
    Scene,
    edit_mesh,
    edit_meshes,
    prompt_mapper_of,
    sample_subject,
    train_prompt_mapper,
)
from clipface_cli.edit.scene import Goal
from clipface_cli.edit.target import Planner, goal
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

HEAD = HeadModel.load("builtin")
SMALL = Aim(resolution=48)
ONE_PASS = EditSettings(steps=0, aim=SMALL)
SHORT = replace(PROMPTED, steps=20, heads=2, texture_rate=3e-3, aim=SMALL)


@pytest.fixture(autouse=True)
def small_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipface_cli.edit.crowd.PEOPLE", 16)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator.create(64, 64, 16, 32).eval().requires_grad_(False)


def test_it_begins_with_nothing(generator: Generator) -> None:
    scene = Scene(HEAD, generator, MeanColour(), SMALL)
    person = sample_subject(HEAD, generator, 3)
    plan = Planner(scene, person, ONE_PASS).whole("red", 0)
    moved, change = PromptMapper.fresh(scene, 0)(person.w, goal(scene, [plan, plan]))
    assert moved.shape == (2, generator.num_ws, generator.w_dim)
    assert change.shape == (2, HEAD.expression_size)
    assert not moved.any()
    assert not change.any()


def test_a_mood_leaves_the_code_alone(generator: Generator) -> None:
    scene = Scene(HEAD, generator, MeanColour(), SMALL)
    person = sample_subject(HEAD, generator, 3)
    plan = Planner(scene, person, ONE_PASS).whole("red", 0)
    mapper = PromptMapper.fresh(scene, 0)
    torch.nn.init.ones_(mapper.texture.leave.weight)
    asked = goal(scene, [replace(plan, looky=looky) for looky in (1.0, 0.5, 0.0)])
    whole, half, none = mapper(person.w, asked)[0]
    assert whole.abs().max() > 0.1
    assert torch.allclose(half, whole / 2)
    assert not none.any()


def test_a_pass_goes_where_no_plan_is(generator: Generator, tmp_path: Path) -> None:
    guidance = MeanColour(calibrated=False)  # for which nothing is planned
    trained = train_prompt_mapper(
        ["red", "dark red"], HEAD, generator, guidance, tmp_path / "run", SHORT
    )
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == SHORT.steps + 1
    loaded = prompt_mapper_of(str(tmp_path / "run"))
    assert loaded is not None
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())
    person = sample_subject(HEAD, generator, 3)
    plain = edit_mesh(person, "deep red", HEAD, generator, guidance, ONE_PASS)
    scene = Scene(HEAD, generator, guidance, SMALL, loaded)
    mapped = edit_meshes(person, [("deep red", 0)], scene, ONE_PASS)[0]
    assert plain.end == 0
    assert mapped.end > 0.3


@pytest.mark.parametrize(("steps", "asked"), [(0, 1), (1, 0)])
def test_the_embedded_one_is_for_a_single_pass(
    generator: Generator, steps: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def nothing(w: Tensor, aimed: Goal) -> tuple[Tensor, Tensor]:
        calls.append(aimed)
        return torch.zeros_like(w), torch.zeros_like(aimed.mood)

    monkeypatch.setattr(Scene, "embedded_mapper", staticmethod(nothing))
    person = sample_subject(HEAD, generator, 3)
    settings = replace(ONE_PASS, steps=steps)
    edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert len(calls) == asked


def test_it_edits_only_what_it_was_trained_for(generator: Generator, tmp_path: Path) -> None:
    scene = Scene(HEAD, generator, MeanColour(), SMALL)
    mapper = PromptMapper.fresh(scene, 0)
    assert mapper.fits(scene)
    other = Generator.create(64, 64, 16, 32).eval().requires_grad_(False)
    with pytest.raises(InputError, match="another head, generator or guidance"):
        Scene(HEAD, other, MeanColour(), SMALL, mapper)
    assert prompt_mapper_of(str(tmp_path)) is None
    with pytest.raises(InputError, match="nowhere"):
        prompt_mapper_of(str(tmp_path / "nowhere"))
