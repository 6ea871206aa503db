"""`clipface train-guidance`: the embedded text-image model, from people painted for it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
    Force,
    Minutes,
    OutputFolder,
    Resume,
    Seed,
    Steps,
    TrainingDevice,
)
from clipface_cli.cli._progress import say


def train_guidance(
    output: OutputFolder = Path("runs/guidance"),
    steps: Steps = 1200,
    minutes: Minutes = None,
    families: Annotated[
        int, typer.Option("--families", help="People to paint, each changed twice.", min=2)
    ] = 700,
    batch: Annotated[int, typer.Option("--batch", help="Images a step.", min=8)] = 64,
    workers: Annotated[
        int, typer.Option("--workers", help="Processes that draw batches [this one].", min=0)
    ] = 0,
    start: Annotated[
        Path | None, typer.Option("--start", help="guidance.safetensors to begin from.")
    ] = None,
    device: TrainingDevice = "auto",
    seed: Seed = 0,
    resume: Resume = False,
    force: Force = False,
) -> Result:
    """Train text and image towers on renders of painted people, their captions and changes."""
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.train.guidance import GuidanceSettings
    from clipface_cli.train.guidance import train_guidance as train
    from clipface_cli.train.ranks import device_kind

    kind = device_kind(device)
    settings = GuidanceSettings(
        steps=steps,
        minutes=minutes,
        families=families,
        families_per_batch=batch // 4,
        workers=workers,
        takes=3 if kind == "cuda" else 1,  # processors write texts slower than a GPU reads them
        device=kind,
        seed=seed,
    )
    claim_folder(output, force or resume)
    record = RunRecord(asdict(settings) | {"resume": resume, "start": start})
    with record.timing("train"):
        weights = train(output, settings, say, resume, start)
    record.write(output, [weights])
    return Result(weights)
