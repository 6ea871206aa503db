"""Edits on a small random generator with a toy guidance: direction, determinism, files."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from clipface_cli.edit import (
    Aim,
    EditSettings,
    Mappers,
    MapperSettings,
    Subject,
    apply_mappers,
    edit_mesh,
    load_subject,
    sample_subject,
    save_subject,
    train_mapper,
)
from clipface_cli.edit.crowd import Crowd, embed_people
from clipface_cli.errors import InputError
from clipface_cli.guidance import Coverage, load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


class MeanColour:
    """Embeds an image as its mean colour; every prompt but the source asks for red."""

    name = "mean-colour"
    calibrated = True

    def encode_text(self, prompts: list[str]) -> Tensor:
        red = torch.tensor([1.0, -0.5, -0.5])
        return torch.stack([red if "red" in p else torch.zeros(3) for p in prompts])

    def encode_image(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))

    def understood(self, prompt: str) -> Coverage:
        return Coverage(understood=(prompt,))


HEAD = HeadModel.load("builtin")
SMALL = Aim(resolution=48)
QUICK = EditSettings(steps=12, aim=SMALL)


@pytest.fixture(autouse=True)
def small_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipface_cli.edit.crowd.PEOPLE", 16)


@pytest.fixture(scope="module")
def generator() -> Generator:
    torch.manual_seed(0)
    return Generator.create(64, 512, 32, 64).eval().requires_grad_(False)


@pytest.fixture(scope="module")
def person(generator: Generator) -> Subject:
    return sample_subject(HEAD, generator, seed=3)


def test_similarity_rises_and_history_grows(person: Subject, generator: Generator) -> None:
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), QUICK)
    assert edit.start == 0
    assert edit.end > 0.1
    assert len(edit.similarity) == QUICK.steps
    assert [entry["prompt"] for entry in edit.subject.history] == ["red"]
    assert torch.equal(edit.subject.params.shape, person.params.shape)


def test_one_seed_gives_the_same_bits(person: Subject, generator: Generator) -> None:
    first, second = (
        edit_mesh(person, "red", HEAD, generator, MeanColour(), QUICK).subject for _ in range(2)
    )
    assert torch.equal(first.texture, second.texture)
    assert torch.equal(first.params.expression, second.params.expression)


def test_texture_only_moves_no_vertex(person: Subject, generator: Generator) -> None:
    settings = EditSettings(steps=4, texture_only=True, aim=SMALL)
    edit = edit_mesh(person, "red", HEAD, generator, MeanColour(), settings)
    assert torch.equal(edit.subject.params.expression, person.params.expression)


def test_a_prompt_that_means_nothing_changes_nothing(person: Subject, generator: Generator) -> None:
    settings = EditSettings(steps=3, aim=SMALL)
    edit = edit_mesh(person, "unheard", HEAD, generator, MeanColour(), settings)
    assert (edit.subject.texture - person.texture).abs().max() < 0.05


def test_the_embedded_crowd_belongs_to_the_embedded_networks() -> None:
    generator, guidance = Generator.load("builtin"), load_guidance("builtin")
    crowd = Crowd.of(HEAD, generator, guidance)
    again = embed_people(HEAD, generator, guidance, 2)
    assert torch.allclose(crowd.features[:2], again, atol=0.02 * float(again.norm(dim=1).mean()))


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


def test_trained_mappers_apply_to_any_head(generator: Generator, tmp_path: Path) -> None:
    settings = MapperSettings(steps=6, aim=SMALL)
    train_mapper("red", HEAD, generator, MeanColour(), tmp_path / "run", settings)
    mappers = Mappers.load(tmp_path / "run")
    other = sample_subject(HEAD, generator, seed=9)
    edited = apply_mappers(other, mappers, generator, "red")
    assert not torch.equal(edited.w, other.w)
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == settings.steps + 1
