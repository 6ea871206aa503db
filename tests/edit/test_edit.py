"""Edits on a small random generator with a toy guidance: direction, determinism, files."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor
from toy_guidance import MeanColour

from clipface_cli.avatar import (
    Subject,
    load_subject,
    region_mask,
    sample_subject,
    save_subject,
)
from clipface_cli.edit import (
    DEFAULT,
    PAPER,
    Edit,
    EditModels,
    Mappers,
    Progress,
    edit_mesh,
    edit_meshes,
)
from clipface_cli.edit.code_prior import CodePrior
from clipface_cli.edit.edit import settled
from clipface_cli.edit.initialization.latent_bank import LatentBank, embed_people
from clipface_cli.edit.optimize import Evaluation, limited_motion
from clipface_cli.edit.presets import DEFAULT_CLIP
from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

HEAD = HeadModel.load("builtin")
QUICK = replace(DEFAULT, steps=6, initialization=(), resolution=48)  # expressions: 38 renders


@pytest.fixture(autouse=True)
def small_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipface_cli.edit.initialization.latent_bank.PEOPLE", 16)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator.create(64, 64, 16, 32).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def person(generator: Generator) -> Subject:
    return sample_subject(HEAD, generator, seed=3)


def test_similarity_rises_and_history_grows(person: Subject, generator: Generator) -> None:
    planned = replace(QUICK, initialization=DEFAULT.initialization)
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), planned)
    assert edit.similarity > 0.1
    assert len(edit.log) == QUICK.steps
    assert edit.sentences == ("A photo of a face that looks like red",)
    assert [entry["prompt"] for entry in edit.subject.history] == ["red"]
    assert torch.equal(edit.subject.params.shape, person.params.shape)


def test_one_seed_gives_the_same_bits(person: Subject, generator: Generator) -> None:
    first, second = (
        edit_mesh(person, "red", HEAD, generator, MeanColour(), QUICK).subject for _ in range(2)
    )
    assert torch.equal(first.texture, second.texture)
    assert torch.equal(first.params.expression, second.params.expression)


def test_several_prompts_at_once_are_what_each_is_alone(
    person: Subject, generator: Generator
) -> None:
    settings = replace(QUICK, steps=2)
    models = EditModels(HEAD, generator, MeanColour())
    both = edit_meshes(person, [("red", 0), ("unheard", 0)], models, settings)
    alone = edit_meshes(person, [("red", 0)], models, settings)[0]
    assert torch.allclose(both[0].subject.texture, alone.subject.texture, atol=1e-3)
    assert both[0].similarity == pytest.approx(alone.similarity, abs=1e-3)
    assert [edit.subject.history[0]["prompt"] for edit in both] == ["red", "unheard"]


def test_only_one_half_changes_where_asked(person: Subject, generator: Generator) -> None:
    settings = replace(QUICK, steps=2, change="texture")
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert torch.equal(edit.subject.params.expression, person.params.expression)
    settings = replace(QUICK, steps=2, change="expression")
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert torch.equal(edit.subject.texture, person.texture)
    assert torch.equal(edit.subject.w, person.w)
    assert not torch.equal(edit.subject.params.expression, person.params.expression)


def test_a_prompt_that_means_nothing_changes_nothing(person: Subject, generator: Generator) -> None:
    settings = replace(QUICK, steps=2)
    edit = edit_mesh(person, "unheard", HEAD, generator, MeanColour(), settings)
    assert (edit.subject.texture - person.texture).abs().max() < 0.05


def test_regions_keep_the_rest(person: Subject, generator: Generator) -> None:
    settings = replace(QUICK, steps=3, only=("lips",))
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    changed = (edit.subject.texture - person.texture).abs().amax(1, keepdim=True)
    inside = region_mask(HEAD, ["lips"], 64) > 0
    assert changed[~inside].max() == 0
    assert changed[inside].max() > 0.005
    assert torch.equal(edit.subject.w, person.w)
    plain = replace(settings, only=())
    spoken = edit_mesh(person, "red lips", HEAD, generator, MeanColour(), plain)
    assert torch.equal(spoken.subject.params.expression, person.params.expression)
    assert (spoken.subject.texture - person.texture).abs().amax(1, keepdim=True)[~inside].max() == 0


def test_unknown_regions_are_refused_with_the_known(person: Subject, generator: Generator) -> None:
    settings = replace(QUICK, only=("toes",))
    with pytest.raises(InputError, match=r"no region 'toes'; choose from beard, .*lips"):
        edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)


def test_strength_scales_the_change(person: Subject, generator: Generator) -> None:
    def change(strength: float) -> Tensor:
        settings = replace(QUICK, steps=2, strength=strength)
        edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
        return edit.subject.w - person.w

    assert not change(0.0).any()
    assert torch.allclose(change(2.0), 2 * change(1.0), atol=1e-4)


def test_identity_keeps_the_person(person: Subject, generator: Generator) -> None:
    def moved(weight: float) -> float:
        settings = replace(QUICK, identity=weight)
        edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
        return float((edit.subject.texture - person.texture).abs().mean())

    assert moved(30.0) < 0.6 * moved(0.0)


def test_a_guidance_that_cannot_tell_how_far(person: Subject, generator: Generator) -> None:
    settings = replace(DEFAULT_CLIP, steps=6, resolution=48)
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(calibrated=False), settings)
    assert edit.similarity > 0.1


def test_the_published_schedule(person: Subject, generator: Generator) -> None:
    settings = replace(PAPER, steps=1, resolution=48)
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert (edit.subject.texture - person.texture).abs().max() < 0.1
    assert edit.subject.history[-1]["preset"] == "paper"


def test_a_given_texture_mapper_leaves_the_expression_at_zero(
    person: Subject, generator: Generator
) -> None:
    given = Mappers.fresh(generator, HEAD, expressive=False, seed=5)
    settings = replace(PAPER, steps=0, resolution=48)
    models = EditModels(HEAD, generator, MeanColour())
    (edit,) = edit_meshes(person, [("red", 0)], models, settings, mappers=given)
    assert torch.equal(edit.subject.params.expression, person.params.expression)
    torch.testing.assert_close(edit.subject.w, person.w + given.texture(person.w))


def test_an_edit_has_settled_when_it_hardly_gains() -> None:
    def log(*similarities: float) -> list[Evaluation]:
        return [Evaluation(torch.zeros(1), torch.tensor([value])) for value in similarities]

    rising = [0.02 * step for step in range(20)]
    assert not settled(log(*rising), 2e-3)
    assert settled(log(*rising, *[0.38] * 16), 2e-3)
    assert not settled(log(*[0.5] * 10), 2e-3)


def test_ctrl_c_keeps_the_best(person: Subject, generator: Generator) -> None:
    def stop(now: Progress) -> None:
        if now.step == 3:
            raise KeyboardInterrupt

    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), QUICK, stop)
    assert edit.interrupted
    assert len(edit.log) == 3
    assert edit.similarity > 0


def test_the_embedded_bank_belongs_to_the_embedded_networks() -> None:
    generator, guidance = Generator.load("builtin"), load_guidance("builtin")
    bank = LatentBank.of(HEAD, generator, guidance, CodePrior(generator))
    again = embed_people(HEAD, generator, guidance, 2)
    assert torch.allclose(bank.features[:2], again, atol=0.02 * float(again.norm(dim=1).mean()))


def test_empty_prompt_and_foreign_code_are_refused(person: Subject, generator: Generator) -> None:
    with pytest.raises(InputError, match="prompt is empty"):
        edit_mesh(person, "  ", HEAD, generator, MeanColour())
    foreign = Subject(person.params, torch.zeros(1, 4, 8), person.texture)
    with pytest.raises(InputError, match="another generator"):
        edit_mesh(foreign, "red", HEAD, generator, MeanColour())


def test_files_round_trip_through_the_sidecar(
    person: Subject, generator: Generator, tmp_path: Path
) -> None:
    save_subject(tmp_path / "head.obj", person, HEAD)
    loaded = load_subject(tmp_path / "head.obj", HEAD, generator)
    assert torch.equal(loaded.w, person.w)
    assert torch.equal(loaded.params.shape, person.params.shape)


def through_files(edit: Edit, folder: Path, generator: Generator) -> Subject:
    save_subject(folder / "edited.obj", edit.subject, HEAD)
    return load_subject(folder / "edited.obj", HEAD, generator)


def test_edits_follow_each_other_and_are_undone(
    person: Subject, generator: Generator, tmp_path: Path
) -> None:
    lips = replace(QUICK, steps=3, only=("lips",))
    first = edit_mesh(person, "red", HEAD, generator, MeanColour(), lips)
    once = through_files(first, tmp_path, generator)
    assert torch.equal(once.w, person.w)
    unheard = replace(QUICK, steps=1)
    second = edit_mesh(once, "unheard", HEAD, generator, MeanColour(), unheard)
    twice = through_files(second, tmp_path, generator)
    inside = (region_mask(HEAD, ["lips"], 64) > 0.9).expand(1, 3, -1, -1)
    assert (twice.texture - once.texture)[inside].abs().mean() < 0.05
    assert [entry["prompt"] for entry in twice.history] == ["red", "unheard"]
    back = twice.undone()
    assert torch.equal(back.texture, once.texture)
    assert torch.equal(back.w, once.w)
    assert [entry["prompt"] for entry in back.history] == ["red"]
    start = back.undone()
    assert (start.texture - person.texture.clamp(-1, 1)).abs().max() <= 1.01 / 255
    with pytest.raises(InputError, match="no edit to undo"):
        start.undone()


def test_what_a_person_painted_stays(person: Subject, generator: Generator) -> None:
    painted = person.texture.clone()
    painted[..., 20:30, 20:30] = 1.0
    subject = Subject(person.params, person.w, painted)
    settings = replace(QUICK, steps=1)
    edit = edit_mesh(subject, "unheard", HEAD, generator, MeanColour(), settings)
    assert (edit.subject.texture - painted)[..., 20:30, 20:30].abs().max() < 0.1


def test_without_a_sidecar_the_head_is_fitted_and_the_texture_inverted(
    person: Subject, generator: Generator, tmp_path: Path
) -> None:
    save_subject(tmp_path / "head.obj", person, HEAD)
    (tmp_path / "head.clipface.safetensors").unlink()
    loaded = load_subject(tmp_path / "head.obj", HEAD, generator)
    moved = HEAD.pose_head(loaded.params) - HEAD.pose_head(person.params)
    assert moved.norm(dim=2).max() < 1e-3
    shown = person.texture.clamp(-1, 1)
    stranger = sample_subject(HEAD, generator, seed=11).texture.clamp(-1, 1)
    found = generator.synthesis(loaded.w).clamp(-1, 1)
    assert (found - shown).abs().mean() < 0.5 * (stranger - shown).abs().mean()


def test_no_expression_tears_the_face(head):
    change = torch.zeros(2, head.expression_size)
    change[1] = 4 * head.expression_from_units({"jawOpen": 1.0})
    near = limited_motion(head, change, DEFAULT.motion_limit)
    moved = (near @ head.expression_basis).unflatten(1, (-1, 3)).norm(dim=2).amax(1)
    assert moved[0] == 0
    assert moved[1] == pytest.approx(DEFAULT.motion_limit, rel=1e-3)
    small = 0.5 * head.expression_from_units({"jawOpen": 1.0})[None]
    assert torch.equal(limited_motion(head, small, DEFAULT.motion_limit), small)
    assert torch.equal(limited_motion(head, change, 0.0), change)
