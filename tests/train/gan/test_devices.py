"""A step of adversarial training away from the CPU (tests/head/test_devices.py)."""

import warnings
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from device import host_syncs, strict_device

from clipface_cli.errors import ClipfaceWarning
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.gan import GanSettings
from clipface_cli.train.gan.adversarial_step import AdversarialTraining
from clipface_cli.train.gan.colour_loss import ColourLoss
from clipface_cli.train.gan.contact_sheet import contact_sheet
from clipface_cli.train.gan.generator_ema import GeneratorEMA
from clipface_cli.train.gan.image_domain import open_domain
from clipface_cli.train.gan.score import CheckpointScore

SETTINGS = GanSettings(
    resolution=32,
    channel_base=512,
    channel_max=16,
    batch=2,
    r1_every=2,
    path_every=2,
    augment_every=2,
    augment_images=4,
    patches=2,
)


class OneDevice(Distributed):
    """A single process on any device, in float32."""

    def __init__(self, device: torch.device) -> None:
        self.rank, self.world_size, self.precision, self.device = 0, 1, "32", device

    def autocast(self) -> nullcontext[None]:
        return nullcontext()


def started(
    folder: Path, corpus: Path | None, device: torch.device, settings: GanSettings = SETTINGS
) -> AdversarialTraining:
    head, processes = HeadModel.load("builtin").to(device), OneDevice(device)
    domain = open_domain(folder, head, settings.resolution, settings.cache_gib)
    torch.manual_seed(0)
    generator = Generator.create(32, 512, 16, z_dim=64, mapping_layers=2)
    colour_loss = None if corpus is None else ColourLoss(corpus, 32)
    return AdversarialTraining(
        GeneratorEMA(generator, settings, processes, False, colour_loss),
        domain,
        settings,
        processes,
    )


def train(training: AdversarialTraining, steps: int) -> dict[str, float]:
    """Metrics of the last steps."""
    metrics: dict[str, float] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ClipfaceWarning)
        for _ in range(steps):
            metrics |= {k: float(v) for k, v in training.step(0.5).items()}
            training.state.step += 1
    training.loader.close()
    return metrics


@pytest.mark.parametrize("kind", ["photos", "maps", "colour loss"])
def test_steps_are_those_of_the_cpu(
    kind: str, away: torch.device, dataset_folder: Path, corpus_folder: Path
) -> None:
    """Four steps with every regulariser: augmentation begins with the third."""
    folder = corpus_folder if kind == "maps" else dataset_folder
    corpus = corpus_folder if kind == "colour loss" else None
    expected = train(started(folder, corpus, torch.device("cpu")), 4)
    training = started(folder, corpus, away)
    with strict_device():
        found = train(training, 4)
    assert found.keys() == expected.keys()
    assert {"generator_image", "r1_patch", "path", "augment_image"} <= found.keys()
    assert found["augment_image"] > 0
    for name, value in found.items():
        assert value == pytest.approx(expected[name], rel=0.05, abs=0.02), name


def test_where_a_step_waits(standin_device: torch.device, corpus_folder: Path) -> None:
    """Nowhere but where augmentation is adapted."""
    training = started(corpus_folder, None, standin_device)
    for _ in range(4):
        training.step(0.5)
        training.state.step += 1
    with host_syncs() as waits:
        training.step(0.5)
        first = list(waits)
        training.state.step += 1
        training.step(0.5)
    training.loader.close()
    assert first == []
    assert waits == 2 * [
        "ada.py:adjust local_scalar_dense",
        "ada.py:current_probability local_scalar_dense",
    ]


def test_what_is_done_between_steps(
    away: torch.device, dataset_folder: Path, tmp_path: Path
) -> None:
    """A checkpoint is written and read again, the average scored and shown."""
    training = started(dataset_folder, None, away)
    train(training, 1)
    other = started(dataset_folder, None, away)
    average = training.generator.average
    with strict_device(), warnings.catch_warnings():
        warnings.simplefilter("ignore", ClipfaceWarning)
        training.state.save(tmp_path / "state.safetensors")
        other.state.load(tmp_path / "state.safetensors")
        score = CheckpointScore(training.domain, 2)(average)
        sheet = contact_sheet(average, training.domain.head, training.domain.renderer)
        average.save(tmp_path / "generator.safetensors")
    other.loader.close()
    pairs = zip(other.state.modules.values(), training.state.modules.values(), strict=True)
    for found, expected in pairs:
        same = zip(found.state_dict().values(), expected.state_dict().values(), strict=True)
        assert all(a.device == away and torch.equal(a.cpu(), b.cpu()) for a, b in same)
    assert abs(score) < 1e5
    assert sheet.isfinite().all()
