"""Warm start and adversarial training in small: they learn, resume exactly, stop cleanly."""

import csv
import errno
import os
import signal
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from clipface_cli.artifacts import load_pixels
from clipface_cli.assets import header_of
from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.synth import sample_attributes
from clipface_cli.texture import Generator
from clipface_cli.texture.resample import upsample_image
from clipface_cli.train.common.checkpoints import RunFolder, TrainState
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.common.loop import Budget, run_loop
from clipface_cli.train.gan import GanSettings, WarmStartSettings, train_gan, warm_start

SMALL = {"resolution": 32, "channel_base": 512, "channel_max": 16, "batch": 2}


def quiet(_line: str) -> None:
    pass


@pytest.fixture(scope="module")
def warmed(corpus_folder, tmp_path_factory):
    out = tmp_path_factory.mktemp("warm")
    settings = WarmStartSettings(
        steps=60, mapping_steps=10, every=20, held_out=4, mapping_layers=2, **SMALL
    )
    return warm_start(corpus_folder, out, settings, sample_attributes, quiet)


def test_warm_start_learns(warmed):
    with (warmed.parent / "metrics.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["step"]) for row in rows] == [20, 40, 60]
    assert float(rows[-1]["psnr"]) > float(rows[0]["psnr"]) + 0.5
    generator = Generator.load(warmed)
    assert header_of(warmed)["latent"] == generator.latent == "attributes"
    assert generator(torch.randn(2, 512)).isfinite().all()
    assert generator.mapping.w_avg.abs().sum() > 0
    assert len(list((warmed.parent / "samples").iterdir())) == 3


def train(dataset, out, steps, resume=False, start=None, corpus=None, **options):
    """A short run with every regulariser, and checkpoints every four steps."""
    settings = GanSettings(
        steps=steps,
        r1_every=2,
        path_every=2,
        augment_every=2,
        augment_images=100,
        every=4,
        **(SMALL | options),
    )
    return train_gan(
        dataset, out, settings, start, corpus, quiet, resume, Distributed(precision="32")
    )


def test_adversarial_training_resumes_exactly(warmed, corpus_folder, dataset_folder, tmp_path):
    """Also after a kill: what was logged behind the last checkpoint is written again."""
    options = {"start": warmed, "corpus": corpus_folder, "discriminator_only_steps": 1}
    options |= {"whiten": True, "discriminator_base": 256, "discriminator_max": 8}
    whole = train(dataset_folder, tmp_path / "whole", 16, **options)
    train(dataset_folder, tmp_path / "parts", 8, **options)
    log = tmp_path / "parts" / "metrics.csv"
    log.write_text(
        log.read_text() + log.read_text().splitlines()[-1].replace("8,", "12,", 1) + "\n"
    )
    parts = train(dataset_folder, tmp_path / "parts", 16, resume=True, **options)
    assert parts.read_bytes() == whole.read_bytes()
    runs = [RunFolder(tmp_path / name) for name in ("whole", "parts")]
    assert len(runs[0].checkpoints()) == RunFolder.keep
    states = [load_file(run.checkpoints()[-1]) for run in runs]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])
    rows = [list(csv.DictReader(run.metrics.path.open())) for run in runs]
    assert [row["step"] for row in rows[1]] == ["4", "8", "12", "16"]
    for one, other in zip(*rows, strict=True):
        assert one | {"minutes": ""} == other | {"minutes": ""}


def test_training_on_maps_keeps_frozen_blocks(warmed, corpus_folder, tmp_path):
    made = train(corpus_folder, tmp_path, 4, start=warmed, corpus=corpus_folder, freeze=16)
    assert header_of(made)["latent"] == "attributes"
    before, after = (Generator.load(path).state_dict() for path in (warmed, made))
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert all(name.startswith("synthesis.blocks.2.") for name in changed)
    with pytest.raises(InputError, match="--freeze must be below the resolution, 32"):
        GanSettings(resolution=32, freeze=32).check()


def test_a_generator_grows(warmed, corpus_folder, tmp_path):
    """From 32² to 64²: first the same images enlarged; then training changes the new block."""
    small, w = Generator.load(warmed), torch.randn(1, 10, 512)
    grown = small.grown(64)
    assert (grown.resolution, grown.num_ws) == (64, 12)
    enlarged = grown.synthesis(torch.cat([w, w[:, :2]], 1))
    assert torch.allclose(enlarged, upsample_image(small.synthesis(w)), atol=1e-5)
    options = {"corpus": corpus_folder, "resolution": 64, "freeze": 32}
    made = train(corpus_folder, tmp_path, 4, start=warmed, **options)
    before, after = small.state_dict(), Generator.load(made).state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before)
    assert after["synthesis.blocks.3.torgb.weight"].any()
    with pytest.raises(InputError, match="at 32² cannot go on at 16²"):
        small.grown(16)


def test_training_from_scratch(dataset_folder, tmp_path):
    weights = train(dataset_folder, tmp_path, 2, patches=0, augment_target=None, micro_batches=2)
    generator = Generator.load(weights)
    assert (generator.resolution, generator.num_ws) == (32, 10)
    (row,) = csv.DictReader((tmp_path / "metrics.csv").open())
    assert {"generator_image", "discriminator_image", "r1_image", "path"} <= row.keys()
    assert not {"generator_patch", "augment_image"} & row.keys()
    picture = load_pixels(tmp_path / "samples" / "step-000002.png")
    assert picture.shape == (4 * 32, 6 * 32, 3)


def test_micro_batches_give_the_whole_batchs_gradients(dataset_folder, tmp_path):
    """Accumulated over groups of four, the losses are those of the whole batch."""
    for count in (1, 2):
        out = tmp_path / str(count)
        train(dataset_folder, out, 4, batch=8, micro_batches=count, patches=2)
    rows = [next(csv.DictReader((tmp_path / n / "metrics.csv").open())) for n in ("1", "2")]
    for name in rows[0].keys() - {"minutes"}:
        assert float(rows[0][name]) == pytest.approx(float(rows[1][name]), rel=1e-2, abs=1e-3), name


def loop(tmp_path, step, report=lambda _: None):
    module = torch.nn.Linear(2, 2)
    state = TrainState({"module": module}, {"sgd": torch.optim.SGD(module.parameters())})
    folder = RunFolder(tmp_path, {})
    folder.begin(state, resume=False)
    return state, folder, lambda budget: run_loop(state, folder, budget, step, report, 100)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupt_finishes_the_step_and_saves(tmp_path, number):
    state, folder, run = loop(tmp_path, lambda _: os.kill(os.getpid(), number) or {})
    with pytest.raises(KeyboardInterrupt):
        run(Budget(10))
    assert (state.step, len(folder.checkpoints())) == (1, 1)


@pytest.mark.parametrize("loss", [float("nan"), float("inf"), 1e9])
def test_divergence_keeps_the_last_checkpoint(tmp_path, loss):
    losses = iter([1.0] * 100 + [loss] * 100)
    state, folder, run = loop(tmp_path, lambda _: {"loss": next(losses)})
    with pytest.raises(ClipfaceError, match=r"diverged at step 200.*step-000100"):
        run(Budget(300))
    assert [path.name for path in folder.checkpoints()] == ["step-000100.safetensors"]
    state.load(folder.checkpoints()[0])


def test_broken_weights_are_not_saved(tmp_path):
    state, folder, run = loop(tmp_path, lambda _: {"loss": 1.0})
    state.modules["module"].weight.data.fill_(float("nan"))
    with pytest.raises(ClipfaceError, match="weights of module"):
        run(Budget(10))
    assert not folder.checkpoints()


def test_a_full_disk_leaves_the_last_checkpoint(tmp_path, monkeypatch):
    state, folder, run = loop(tmp_path, lambda _: {"loss": 1.0})
    run(Budget(100))

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(ClipfaceError, match="No space left"):
        run(Budget(200))
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [
        "step-000100.safetensors"
    ]
    state.load(folder.checkpoints()[-1])
    assert state.step == 100


def test_the_best_checkpoint_stays(tmp_path):
    scores = iter([3.0, 1.0, 2.0, 4.0, 5.0])
    state, folder, run = loop(tmp_path, lambda _: {}, lambda _: next(scores))
    run(Budget(500))
    assert [path.stem for path in folder.checkpoints()] == [f"step-000{n}" for n in (300, 400, 500)]
    state.load(folder.best)
    assert (state.step, state.best) == (200, 1.0)


def test_wrong_inputs_are_refused(tmp_path):
    with pytest.raises(InputError):
        warm_start(tmp_path, tmp_path / "out", WarmStartSettings(), sample_attributes, quiet)
    with pytest.raises(InputError):
        train_gan(tmp_path, tmp_path / "out", GanSettings(), progress=quiet)
    with pytest.raises(InputError):
        RunFolder(tmp_path).resume(TrainState({}, {}))
    with pytest.raises(InputError, match="power of two"):
        GanSettings(resolution=48).check()
    with pytest.raises(InputError, match="divide"):
        GanSettings(batch=8, micro_batches=3).check()
