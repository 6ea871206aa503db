"""Adversarial training of the texture generator (paper section 3.1)."""

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

import torch

from clipface_cli.artifacts import save_image
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.anchor import Anchor
from clipface_cli.train.forger import Forger
from clipface_cli.train.game import Game
from clipface_cli.train.loop import Budget, Progress, prepare_cpu, run_loop
from clipface_cli.train.ranks import Ranks
from clipface_cli.train.score import Score
from clipface_cli.train.settings import GanSettings
from clipface_cli.train.sheet import sample_sheet
from clipface_cli.train.stage import open_stage
from clipface_cli.train.state import RunFolder


def train_gan(
    dataset_folder: Path,
    out: Path,
    settings: GanSettings,
    start: Path | str | None = None,
    corpus_folder: Path | None = None,
    progress: Progress = print,
    resume: bool = False,
    ranks: Ranks | None = None,
) -> Path:
    """Train on a dataset, or on UV maps; returns the path of generator.safetensors (averaged).

    `start` is a generator to go on from, as `warm_start` writes it, and `corpus_folder` the people
    it was warmed on: they then keep their colours. Raises InputError when a folder is not what
    it should be, KeyboardInterrupt after saving when Ctrl-C was pressed.
    """
    prepare_cpu()
    ranks = ranks or Ranks()
    head = HeadModel.load(settings.head)
    game = _set_up(dataset_folder, head, settings, start, corpus_folder, ranks)
    sources = {"dataset": dataset_folder, "start": start, "corpus": corpus_folder}
    folder = RunFolder(out, asdict(settings) | sources, writes=ranks.first)
    # Before the random state is restored: setting up the score draws from it.
    score = Score(game.stage, settings.score_images) if ranks.first else None
    folder.begin(game.state, resume)
    average = game.forger.average

    def report(metrics: Mapping[str, float]) -> float | None:
        state, kid = game.state, score(average) if score else None
        scores = {} if kid is None else {"kid": kid}
        folder.log({"step": state.step, "minutes": state.minutes, **metrics, **scores})
        save_image(folder.sample(state.step), sample_sheet(average, head, game.stage.renderer))
        losses = ", ".join(f"{name} {value:.3f}" for name, value in {**metrics, **scores}.items())
        progress(f"step {state.step}, {state.minutes:.1f} min: {losses}")
        return kid

    budget = Budget(settings.steps, settings.minutes)
    try:
        run_loop(game.state, folder, budget, game.step, report, settings.every, ranks)
    finally:
        game.feed.close()
    path = out / "generator.safetensors"
    if ranks.first:
        origin = "adversarial training"
        average.save(path, dtype=torch.float16, origin=origin)
    ranks.wait()
    return path


def _set_up(
    dataset_folder: Path,
    head: HeadModel,
    settings: GanSettings,
    start: Path | str | None,
    corpus_folder: Path | None,
    ranks: Ranks,
) -> Game:
    """The same on every process: all weights follow from the seed or from `start`."""
    stage = open_stage(dataset_folder, head, settings.resolution, settings.cache_gib)
    torch.manual_seed(settings.seed)
    generator = (
        Generator.create(settings.resolution, settings.channel_base, settings.channel_max)
        if start is None
        else Generator.load(start).grown(settings.resolution)
    )
    anchor = None
    if corpus_folder is not None:
        anchor = Anchor(corpus_folder, generator.resolution)
    forger = Forger(generator, settings, ranks, start is not None, anchor)
    return Game(forger, stage, settings, ranks)
