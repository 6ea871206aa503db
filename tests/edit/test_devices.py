"""Edits, animations and mapper training away from the CPU (tests/test_other_devices.py)."""

import csv
import warnings
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from device import host_syncs, strict_device
from torch import Tensor
from toy_guidance import MeanColour

from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import (
    DEFAULT,
    PAPER,
    Clip,
    EditModels,
    EditSettings,
    PromptReader,
    animate_settings,
    edit_mesh,
    edit_meshes,
)
from clipface_cli.edit.animate import Animating
from clipface_cli.errors import ClipfaceWarning
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera
from clipface_cli.texture import Generator
from clipface_cli.train.mapper import Run, mapper_settings, train_mapper, train_prompt_mapper

SMALL = {"steps": 2, "resolution": 48}


@pytest.fixture(autouse=True)
def small_bank(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("clipface_cli.edit.initialization.latent_bank.PEOPLE", 16)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClipfaceWarning)
        yield


def networks(device: torch.device | str) -> EditModels:
    torch.manual_seed(0)
    generator = Generator.create(64, 256, 16, 32).eval().requires_grad_(False)
    guidance = load_guidance("builtin")
    return EditModels(HeadModel.load().to(device), generator.to(device), guidance.to(device))


def person_of(models: EditModels) -> Subject:
    with strict_device():
        return sample_subject(models.head, models.generator, 3)


@pytest.mark.parametrize(
    "settings",
    [
        replace(PAPER, **SMALL),
        replace(DEFAULT, **SMALL),
        replace(DEFAULT, **SMALL | {"steps": 0}),
        replace(DEFAULT, **SMALL, only=("lips",), strength=0.5, identity=0.1),
    ],
    ids=["paper", "default", "single pass", "region"],
)
def test_an_edit(settings: EditSettings, away: torch.device) -> None:
    expected = edit_meshes(
        person_of(here := networks("cpu")), [("zombie", 0), ("red lips, angry", 1)], here, settings
    )
    models = networks(away)
    person = person_of(models)
    with strict_device():
        found = edit_meshes(person, [("zombie", 0), ("red lips, angry", 1)], models, settings)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.subject.texture.device == ours.subject.w.device == away
        assert ours.similarity == pytest.approx(theirs.similarity, abs=1e-2)
        here_again = ours.subject.to("cpu")
        assert torch.allclose(here_again.texture, theirs.subject.texture, atol=0.02)


@pytest.mark.parametrize("name", ["paper", "default"])
def test_an_animation(name: str, away: torch.device) -> None:
    torch.manual_seed(0)
    psi, theta, similar = torch.randn(5, 50), 0.1 * torch.randn(5, 6), []
    for device in (torch.device("cpu"), away):
        models = networks(device)
        person, settings = person_of(models), animate_settings(name, models.guidance)
        settings = replace(settings, edit=replace(settings.edit, **SMALL), chunk=3)
        with strict_device():
            stage = PromptReader(models, person, settings.edit).whole("zombie", 0)
            clip = Clip.of(psi.to(device), theta.to(device))
            run = Animating(models, stage, person, clip, settings)
            assert run.run(None).codes([0, 4]).device.type == device.type
            similar.append(run.similarities().cpu())
    assert torch.allclose(*similar, atol=1e-2)


@pytest.mark.parametrize("name", ["paper", "default"])
def test_mapper_training(name: str, away: torch.device, tmp_path: Path) -> None:
    similar = []
    for device in (torch.device("cpu"), away):
        models, folder = networks(device), tmp_path / device.type
        settings = mapper_settings(name, models.guidance)
        settings = replace(settings, edit=replace(settings.edit, **SMALL), every=1)
        with strict_device():
            train_mapper("zombie", models, Run(folder), settings)
        with (folder / "metrics.csv").open(encoding="utf-8") as file:
            similar.append([float(row["similarity"]) for row in csv.DictReader(file)])
    assert similar[0] == pytest.approx(similar[1], abs=1e-2)


def test_training_for_many_prompts(away: torch.device, tmp_path: Path) -> None:
    models = networks(away)
    settings = mapper_settings("default", models.guidance, many=True)
    settings = replace(settings, edit=replace(settings.edit, **SMALL), heads=2, every=2)
    with strict_device():
        train_prompt_mapper(["zombie", "angry"], models, Run(tmp_path), settings)
    assert (tmp_path / "prompt_mapper.safetensors").is_file()


class Drawn:
    """Draws on any device: the CPU's kernels would bring everything over."""

    def __call__(self, vertices: Tensor, texture: Tensor, camera: Camera) -> tuple[Tensor, Tensor]:
        depth = camera.to_clip(vertices).mean((1, 2))[:, None, None, None]
        return texture + 0.1 * depth, texture[:, :1]


def test_a_step_of_the_paper_waits_nowhere(
    standin_device: torch.device, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More steps do not make the host wait more often."""
    monkeypatch.setattr(EditModels, "renderer", lambda self, resolution: Drawn())
    models = networks(standin_device)
    person, counts = person_of(models), []
    for steps in (2, 2, 5):
        settings = replace(PAPER, **SMALL | {"steps": steps})
        with host_syncs() as waits:
            edit_mesh(person, "zombie", models.head, models.generator, models.guidance, settings)
        counts.append(waits)
    assert len(counts[1]) == len(counts[2]), Counter(counts[2]) - Counter(counts[1])


def test_a_toy_guidance_needs_no_device() -> None:
    """A guidance that is no module stays where it is."""
    models = EditModels(HeadModel.load(), networks("cpu").generator, MeanColour())
    assert models.device.type == "cpu"
