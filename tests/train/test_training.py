"""Warm start and adversarial training in small: they learn, resume exactly, stop cleanly."""

import csv
import os
import signal

import pytest
import torch

from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.synth import sample_attributes
from clipface_cli.texture import Generator
from clipface_cli.train import GanSettings, WarmStartSettings, train_gan, warm_start
from clipface_cli.train.loop import Budget, run_loop
from clipface_cli.train.state import RunFolder, TrainState

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
    assert generator(torch.randn(2, 512)).isfinite().all()
    assert generator.mapping.w_avg.abs().sum() > 0
    assert len(list((warmed.parent / "samples").iterdir())) == 3


def test_adversarial_training_resumes_exactly(warmed, corpus_folder, dataset_folder, tmp_path):
    def train(out, steps, resume=False):
        settings = GanSettings(steps=steps, penalty_every=2, critic_first=1, every=1, **SMALL)
        return train_gan(dataset_folder, out, settings, warmed, corpus_folder, quiet, resume=resume)

    whole = train(tmp_path / "whole", 4)
    train(tmp_path / "parts", 2)
    parts = train(tmp_path / "parts", 4, resume=True)
    assert parts.read_bytes() == whole.read_bytes()
    assert len(RunFolder(tmp_path / "whole", {}).checkpoints()) == RunFolder.keep


def test_training_from_scratch(dataset_folder, tmp_path):
    settings = GanSettings(steps=2, **SMALL)
    generator = Generator.load(train_gan(dataset_folder, tmp_path, settings, progress=quiet))
    assert (generator.resolution, generator.num_ws) == (32, 10)


def loop(tmp_path, step):
    module = torch.nn.Linear(2, 2)
    state = TrainState({"module": module}, {"sgd": torch.optim.SGD(module.parameters())})
    folder = RunFolder(tmp_path, {})
    return state, folder, lambda: run_loop(state, folder, Budget(10), step, lambda _: None, 100)


def test_interrupt_finishes_the_step_and_saves(tmp_path):
    state, folder, run = loop(tmp_path, lambda _: os.kill(os.getpid(), signal.SIGINT) or {})
    with pytest.raises(KeyboardInterrupt):
        run()
    assert (state.step, len(folder.checkpoints())) == (1, 1)


def test_divergence_keeps_the_last_checkpoint(tmp_path):
    _, folder, run = loop(tmp_path, lambda _: {"loss": float("nan")})
    with pytest.raises(ClipfaceError, match="diverged"):
        run()
    assert not folder.checkpoints()


def test_wrong_inputs_are_refused(tmp_path):
    with pytest.raises(InputError):
        warm_start(tmp_path, tmp_path / "out", WarmStartSettings(), sample_attributes, quiet)
    with pytest.raises(InputError):
        train_gan(tmp_path, tmp_path / "out", GanSettings(), progress=quiet)
    with pytest.raises(InputError):
        RunFolder(tmp_path, {}).resume(TrainState({}, {}))
