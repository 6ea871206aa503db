"""`clipface train-gan`: a texture generator from images of heads with known parameters."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
    Device,
    Force,
    Minutes,
    OutputFolder,
    Resume,
    Seed,
    Steps,
    pick_device,
)
from clipface_cli.cli._progress import say

if TYPE_CHECKING:
    from clipface_cli.train import GanSettings


def train_gan(
    dataset: Annotated[
        Path, typer.Argument(metavar="DATASET", help="A folder such as `synth` writes.")
    ],
    output: OutputFolder,
    warm_start: Annotated[
        Path | None,
        typer.Option(
            "--warm-start", metavar="CORPUS", help="Learn to paint these people's textures first."
        ),
    ] = None,
    warm_minutes: Annotated[
        float, typer.Option("--warm-minutes", help="How long the warm start takes.", min=0)
    ] = 60.0,
    steps: Steps = 300_000,
    minutes: Minutes = None,
    batch: Annotated[int, typer.Option("--batch", help="Images a step.", min=1)] = 8,
    resolution: Annotated[
        int, typer.Option("--resolution", help="Of texture and images; a power of two.", min=16)
    ] = 256,
    seed: Seed = 0,
    resume: Resume = False,
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Train a texture generator through the renderer; writes generator.safetensors into RUN.

    Ctrl-C saves; --resume goes on from there.
    """
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.train import GanSettings
    from clipface_cli.train import train_gan as train

    settings = GanSettings(
        resolution=resolution, steps=steps, minutes=minutes, batch=batch, seed=seed
    )
    sources = {"dataset": dataset, "warm_start": warm_start, "warm_minutes": warm_minutes}
    record = RunRecord(
        {**sources, **asdict(settings), "device": pick_device(device), "resume": resume},
        [dataset / "dataset.json", dataset / "params.safetensors"],
    )
    claim_folder(output, force or resume)
    start = None
    if warm_start:
        with record.timing("warm start"):
            start = _warm(warm_start, output / "warm-start", warm_minutes, settings, resume)
    with record.timing("adversarial"):
        weights = train(
            dataset, output, settings, start, warm_start, say, resume and _begun(output)
        )
    record.write(output, [weights])
    return Result(weights)


def _warm(corpus: Path, folder: Path, minutes: float, settings: GanSettings, resume: bool) -> Path:
    """The warm-started generator; an earlier one is taken when the run is resumed."""
    from clipface_cli.synth import sample_attributes
    from clipface_cli.train import WarmStartSettings, warm_start

    weights = folder / "generator.safetensors"
    if resume and weights.is_file():
        return weights
    schedule = WarmStartSettings(
        resolution=settings.resolution, minutes=minutes, seed=settings.seed
    )
    return warm_start(corpus, folder, schedule, sample_attributes, say, resume and _begun(folder))


def _begun(run: Path) -> bool:
    return any((run / "checkpoints").glob("*.safetensors"))
