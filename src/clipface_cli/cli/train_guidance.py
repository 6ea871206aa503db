"""`clipface train-guidance`: the embedded text-image model, from people painted for it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import (
    Device,
    Force,
    Minutes,
    OutputFolder,
    Resume,
    Seed,
    Steps,
)
from clipface_cli.cli.progress import say

_GPU_REPEATS = 3  # steps with the same texts: CPUs sample texts slower than a GPU trains on them


def train_guidance(
    output: OutputFolder = Path("guidance"),
    steps: Steps = 1200,
    minutes: Minutes = None,
    families: Annotated[
        int, typer.Option("--families", help="People to paint, each changed twice.", min=2)
    ] = 700,
    batch: Annotated[int, typer.Option("--batch", help="Images per step.", min=8)] = 64,
    workers: Annotated[
        int, typer.Option("--workers", help="Processes that sample batches [this one].", min=0)
    ] = 0,
    start: Annotated[
        Path | None, typer.Option("--start", help="guidance.safetensors to begin from.")
    ] = None,
    device: Device = "auto",
    seed: Seed = 0,
    resume: Resume = False,
    force: Force = False,
) -> Result:
    """Train a text-image model on renders of painted people.

    Its text and image encoders learn from captions, and from requests that change one render into
    another. Writes guidance.safetensors.
    """
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.train.common.distributed import device_kind
    from clipface_cli.train.guidance import GuidanceSettings
    from clipface_cli.train.guidance import train_guidance as train

    kind = device_kind(device)
    settings = GuidanceSettings(
        steps=steps,
        minutes=minutes,
        families=families,
        families_per_batch=batch // 4,
        workers=workers,
        repeats=_GPU_REPEATS if kind == "cuda" else 1,
        device=kind,
        seed=seed,
    )
    claim_folder(output, force or resume)
    say(f"Training on {families} painted people; the run is {output}.")
    record = RunRecord(asdict(settings) | {"resume": resume, "start": start})
    with record.timing("train"):
        weights = train(output, settings, say, resume, start)
    record.write(output, [weights])
    return Result(weights)
