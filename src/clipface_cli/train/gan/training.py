"""Adversarial training of the texture generator (sec. 3.1)."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from clipface_cli.artifacts import save_image
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.common.checkpoints import RunFolder
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.common.loop import Budget, Progress, prepare_cpu, run_loop
from clipface_cli.train.gan.adversarial_step import AdversarialTraining
from clipface_cli.train.gan.colour_loss import ColourLoss
from clipface_cli.train.gan.contact_sheet import contact_sheet
from clipface_cli.train.gan.generator_ema import GeneratorEMA
from clipface_cli.train.gan.image_domain import open_domain
from clipface_cli.train.gan.score import CheckpointScore
from clipface_cli.train.gan.settings import GanSettings


def train_gan(
    dataset_folder: Path,
    out: Path,
    settings: GanSettings,
    start: Path | str | None = None,
    corpus_folder: Path | None = None,
    progress: Progress = print,
    resume: bool = False,
    processes: Distributed | None = None,
) -> Path:
    """Train on a dataset, or on UV maps; returns the path of generator.safetensors (EMA).

    `start` is a generator to continue from, as `warm_start` writes it, and `corpus_folder` the
    corpus it was warm-started on, for the colour loss. Raises InputError when a folder is not what
    it should be, KeyboardInterrupt after saving when Ctrl-C was pressed.
    """
    prepare_cpu()
    processes = processes or Distributed()
    head = HeadModel.load(settings.head).to(processes.device)
    training = _set_up(dataset_folder, head, settings, start, corpus_folder, processes)
    sources = {"dataset": dataset_folder, "start": start, "corpus": corpus_folder}
    folder = RunFolder(out, asdict(settings) | sources, writes=processes.is_first)
    # Before the random state is restored: creating the score draws from it.
    score = CheckpointScore(training.domain, settings.score_images) if processes.is_first else None
    folder.begin(training.state, resume)
    average = training.generator.average

    def report(metrics: Mapping[str, float]) -> float | None:
        state, kid = training.state, score(average) if score else None
        scores = {} if kid is None else {"kid": kid}
        folder.log({"step": state.step, "minutes": state.minutes, **metrics, **scores})
        save_image(
            folder.sample(state.step), contact_sheet(average, head, training.domain.renderer)
        )
        losses = ", ".join(f"{name} {value:.3f}" for name, value in {**metrics, **scores}.items())
        progress(f"step {state.step}, {state.minutes:.1f} min: {losses}")
        return kid

    budget = Budget(settings.steps, settings.minutes)
    try:
        run_loop(training.state, folder, budget, training.step, report, settings.every, processes)
    finally:
        training.loader.close()
    path = out / "generator.safetensors"
    if processes.is_first:
        origin = "adversarial training"
        average.save(path, dtype=torch.float16, origin=origin)
    processes.barrier()
    return path


def _set_up(
    dataset_folder: Path,
    head: HeadModel,
    settings: GanSettings,
    start: Path | str | None,
    corpus_folder: Path | None,
    processes: Distributed,
) -> AdversarialTraining:
    """The same on every process: all weights depend on the seed or on `start` alone."""
    domain = open_domain(dataset_folder, head, settings.resolution, settings.cache_gib)
    torch.manual_seed(settings.seed)
    generator = (
        Generator.create(settings.resolution, settings.channel_base, settings.channel_max)
        if start is None
        else Generator.load(start).grown(settings.resolution)
    )
    colour_loss = None
    if corpus_folder is not None:
        colour_loss = ColourLoss(corpus_folder, generator.resolution)
    model = GeneratorEMA(generator, settings, processes, start is not None, colour_loss)
    return AdversarialTraining(model, domain, settings, processes)
