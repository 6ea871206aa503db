"""Mappers trained on many heads: files, resuming, codes, and the paper's order of things."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from toy_guidance import MeanColour

from clipface_cli.avatar import sample_subject
from clipface_cli.edit import EditModels, Mappers, apply_mappers
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.common.distributed import SINGLE_PROCESS
from clipface_cli.train.mapper import MapperSettings, Run, mapper_settings, train_mapper
from clipface_cli.train.mapper.heads import HeadSampler


@pytest.fixture(autouse=True)
def small_bank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("clipface_cli.edit.initialization.latent_bank.PEOPLE", 16)


@pytest.fixture(scope="module")
def models(head: HeadModel) -> EditModels:
    torch.manual_seed(0)
    generator = Generator.create(64, 64, 16, 32).eval().requires_grad_(False)
    return EditModels(head, generator, MeanColour())


def short(name: str, steps: int) -> MapperSettings:
    settings = mapper_settings(name, MeanColour())
    edit = replace(settings.edit, steps=steps, resolution=48, initialization=())
    return replace(settings, edit=edit, every=2)


def test_trained_mappers_apply_to_any_head(models: EditModels, tmp_path: Path) -> None:
    train_mapper("red", models, Run(tmp_path / "run"), short("default", 4))
    mappers = Mappers.load(tmp_path / "run")
    other = sample_subject(models.head, models.generator, seed=9)
    edited = apply_mappers(other, mappers, models.head, models.generator, "red")
    assert not torch.equal(edited.w, other.w)
    assert torch.equal(edited.undone().w, other.w)
    assert (tmp_path / "run/metrics.csv").read_text().count("\n") == 1 + 2
    assert sorted(p.name for p in (tmp_path / "run/samples").iterdir()) == [
        "step-000002.png",
        "step-000004.png",
    ]


@pytest.mark.parametrize("name", ["default", "paper"])
def test_a_resumed_run_ends_with_the_same_bits(
    models: EditModels, name: str, tmp_path: Path
) -> None:
    whole = train_mapper("red", models, Run(tmp_path / "whole"), short(name, 4))

    def stop(step: int, _steps: int, _text: str) -> None:
        if step == 3:
            raise RuntimeError("the power failed")

    with pytest.raises(RuntimeError):
        train_mapper("red", models, Run(tmp_path / "parts", report=stop), short(name, 4))
    again = train_mapper("red", models, Run(tmp_path / "parts", resume=True), short(name, 4))
    for ours, theirs in zip(
        whole.texture.state_dict().values(), again.texture.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs)
    text = [(tmp_path / run / "metrics.csv").read_text() for run in ("whole", "parts")]
    without_minutes = [[line.split(",")[2:] for line in t.splitlines()] for t in text]
    assert without_minutes[0] == without_minutes[1]


def test_given_codes_come_in_order_or_shuffled(models: EditModels) -> None:
    codes = torch.randn(3, models.generator.num_ws, models.generator.w_dim)

    def seen(name: str) -> list[int]:
        sampler = HeadSampler(models, short(name, 1), SINGLE_PROCESS, codes)
        drawn = [sampler.draw(step)[1][0] for step in range(6)]
        return [int((codes - w).flatten(1).norm(dim=1).argmin()) for w in drawn]

    assert seen("released") == [0, 1, 2, 0, 1, 2]
    shuffled = seen("paper")
    assert shuffled != [0, 1, 2, 0, 1, 2]
    assert sorted(shuffled[:3]) == sorted(shuffled[3:]) == [0, 1, 2]
    params, _ = HeadSampler(models, short("paper", 1), SINGLE_PROCESS, None).draw(0)
    assert not params.shape.any()


def test_codes_of_another_generator_are_refused(models: EditModels) -> None:
    with pytest.raises(InputError, match="18 levels of 512 numbers"):
        HeadSampler(models, short("paper", 1), SINGLE_PROCESS, torch.zeros(2, 18, 512))


def test_it_begins_with_the_mappers_given(models: EditModels, tmp_path: Path) -> None:
    start = Mappers.fresh(models.generator, models.head, True, seed=5)
    made = train_mapper("red", models, Run(tmp_path / "run"), short("paper", 1), start=start)
    ours, theirs = (m.texture.layers[0].weight for m in (made, start))
    assert torch.allclose(ours, theirs, rtol=0, atol=1e-3)  # of numbers about 100; one step


def test_what_the_given_mappers_lack_begins_at_zero(models: EditModels, tmp_path: Path) -> None:
    start = Mappers.fresh(models.generator, models.head, False, seed=5)
    made = train_mapper("red", models, Run(tmp_path / "run"), short("paper", 0), start=start)
    assert made.expression is not None
    w = torch.randn(2, models.generator.num_ws, models.generator.w_dim)
    assert not made.expression(w).any()
