"""Several processes train as one would: same losses, one writer, launched in every way."""

import json
import os
import subprocess
import sys

import pytest

from clipface_cli.errors import InputError
from clipface_cli.launch import processes_per_node
from clipface_cli.train.common.distributed import Distributed

STEPS = 20
SCRIPT = """
import json
import sys
from pathlib import Path
from clipface_cli.train.gan import GanSettings, train_gan
from clipface_cli.train.gan.adversarial_step import AdversarialTraining
from clipface_cli.launch import processes_per_node
from clipface_cli.train.common.distributed import Distributed

dataset, out, devices = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
settings = GanSettings(
    resolution=16, channel_base=128, channel_max=8, steps=20, batch=8 // devices, patches=2,
    r1_every=4, path_every=4, augment_target=-2.0, augment_images=200, ema_images=50,
)
processes = Distributed("cpu", devices=devices, precision="64")
losses, step = [], AdversarialTraining.step

def recorded(training, spent):
    metrics = step(training, spent)
    losses.append({name: float(value) for name, value in metrics.items()})
    return metrics

AdversarialTraining.step = recorded
train_gan(dataset, out, settings, processes=processes)
(out / f"{processes.rank}.json").write_text(json.dumps(losses))
"""
Losses = list[dict[str, float]]


@pytest.fixture(scope="module")
def losses(dataset_folder, tmp_path_factory) -> tuple[Losses, Losses, Losses]:
    """Every step's losses of one process, and of two with half of the batch each."""
    out = tmp_path_factory.mktemp("processes")
    script = out / "train.py"
    script.write_text(SCRIPT)
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    runs = [
        subprocess.Popen(
            [sys.executable, script, dataset_folder, out / devices, devices],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        for devices in ("1", "2")
    ]
    for run in runs:
        printed, errors = run.communicate(timeout=600)
        assert run.returncode == 0, errors
        assert printed.count(f"step {STEPS},") == 1  # the first process alone talks
    one, first, second = (
        json.loads((out / f).read_text()) for f in ("1/0.json", "2/0.json", "2/1.json")
    )
    return one, first, second


def test_two_processes_have_the_loss_curve_of_one(losses):
    for one, first, second in zip(*losses, strict=True):
        assert one.keys() == first.keys()
        for name in one:
            both = (first[name] + second[name]) / 2
            assert both == pytest.approx(one[name], rel=1e-6, abs=1e-9), name


def test_what_processes_share_is_the_same(losses):
    one, first, second = losses
    for name in ("augment_image", "augment_patch", "sign_image", "path_length"):
        values = [[step[name] for step in run if name in step] for run in (one, first, second)]
        assert values[1] == values[2]
        assert values[1] == pytest.approx(values[0], rel=1e-6)
    assert first[-1]["augment_image"] == pytest.approx(20 * 8 / 200)


def test_processes_of_a_launcher(monkeypatch):
    for name in ("LOCAL_WORLD_SIZE", "SLURM_NTASKS"):
        monkeypatch.delenv(name, raising=False)
    assert processes_per_node(os.environ) == (1, 1)
    monkeypatch.setenv("SLURM_NTASKS", "8")
    monkeypatch.setenv("SLURM_NNODES", "2")
    monkeypatch.setenv("SLURM_PROCID", "0")
    assert processes_per_node(os.environ) == (4, 2)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "2")
    monkeypatch.setenv("WORLD_SIZE", "6")
    assert processes_per_node(os.environ) == (2, 3)


def test_a_missing_gpu_is_named():
    with pytest.raises(InputError, match="finds no GPU"):
        Distributed("cuda")
