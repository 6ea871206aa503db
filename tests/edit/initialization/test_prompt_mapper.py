"""One mapper for many prompts: it starts at nothing, learns, and knows what it belongs to."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from toy_guidance import MeanColour

from clipface_cli.avatar import sample_subject
from clipface_cli.edit import (
    DEFAULT,
    EditModels,
    PromptMapper,
    edit_mesh,
    edit_meshes,
    prompt_mapper_of,
)
from clipface_cli.edit.presets import DEFAULT_CLIP
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.mapper import Run, mapper_settings, train_prompt_mapper

HEAD = HeadModel.load("builtin")
ONE_PASS = replace(DEFAULT, steps=0, resolution=48)
STEPS = 20


@pytest.fixture(autouse=True)
def small_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipface_cli.edit.initialization.latent_bank.PEOPLE", 16)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator.create(64, 64, 16, 32).eval().requires_grad_(False)


Inputs = tuple[Tensor, Tensor, Tensor, Tensor]


def inputs(generator: Generator, count: int) -> Inputs:
    """Codes, target directions, planned offsets of codes and of expressions."""
    w = sample_subject(HEAD, generator, 3).w.expand(count, -1, -1)
    direction = torch.tensor([[1.0, -0.5, -0.5]]).expand(count, -1)
    return w, direction, torch.zeros_like(w), torch.zeros(count, HEAD.expression_size)


def test_it_begins_with_nothing(generator: Generator) -> None:
    mapper = PromptMapper.fresh(HEAD, generator, MeanColour(), 0)
    moved, change = mapper(*inputs(generator, 2), torch.ones(2))
    assert moved.shape == (2, generator.num_ws, generator.w_dim)
    assert change.shape == (2, HEAD.expression_size)
    assert not moved.any()
    assert not change.any()


def test_an_expression_leaves_the_code_alone(generator: Generator) -> None:
    mapper = PromptMapper.fresh(HEAD, generator, MeanColour(), 0)
    torch.nn.init.ones_(mapper.texture.leave.weight)
    whole, half, none = mapper(*inputs(generator, 3), torch.tensor([1.0, 0.5, 0.0]))[0]
    assert whole.abs().max() > 0.1
    assert torch.allclose(half, whole / 2)
    assert not none.any()


def test_a_pass_goes_where_no_plan_is(generator: Generator, tmp_path: Path) -> None:
    guidance = MeanColour(calibrated=False)  # for which nothing is planned
    settings = mapper_settings("default", guidance, many=True)
    edit = replace(settings.edit, steps=STEPS, texture_rate=3e-3, resolution=48)
    settings = replace(settings, edit=edit, heads=2, every=8)
    models = EditModels(HEAD, generator, guidance)
    trained = train_prompt_mapper(["red", "dark red"], models, Run(tmp_path / "run"), settings)
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == 1 + 3
    loaded = prompt_mapper_of(str(tmp_path / "run"))
    assert loaded is not None
    for name, value in trained.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())
    person = sample_subject(HEAD, generator, 3)
    once = replace(DEFAULT_CLIP, steps=0, resolution=48)
    plain = edit_mesh(person, "deep red", HEAD, generator, guidance, once)
    models = EditModels(HEAD, generator, guidance, loaded)
    mapped = edit_meshes(person, [("deep red", 0)], models, once)[0]
    assert plain.similarity == 0
    assert mapped.similarity > 0.3


@pytest.mark.parametrize(("steps", "asked"), [(0, 1), (1, 0)])
def test_the_embedded_one_is_for_a_single_pass(
    generator: Generator, steps: int, asked: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = []

    def nothing(w: Tensor, *others: Tensor) -> tuple[Tensor, Tensor]:
        calls.append(others)
        return torch.zeros_like(w), torch.zeros(len(w), HEAD.expression_size)

    monkeypatch.setattr(EditModels, "prompt_mapper", staticmethod(nothing))
    person = sample_subject(HEAD, generator, 3)
    settings = replace(ONE_PASS, steps=steps)
    edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert len(calls) == asked


def test_it_edits_only_what_it_was_trained_for(generator: Generator, tmp_path: Path) -> None:
    mapper = PromptMapper.fresh(HEAD, generator, MeanColour(), 0)
    assert mapper.fits(HEAD, generator, MeanColour())
    other = Generator.create(64, 64, 16, 32).eval().requires_grad_(False)
    with pytest.raises(InputError, match="another head, generator or guidance"):
        EditModels(HEAD, other, MeanColour(), mapper)
    assert prompt_mapper_of(str(tmp_path)) is None
    with pytest.raises(InputError, match="nowhere"):
        prompt_mapper_of(str(tmp_path / "nowhere"))
