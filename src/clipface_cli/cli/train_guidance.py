"""`clipface train-guidance`: the embedded text-image model, from people painted for it."""

from __future__ import annotations

from pathlib import Path

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import Force, Minutes, OutputFolder, Resume, Seed, Steps
from clipface_cli.cli._progress import say


def train_guidance(
    output: OutputFolder = Path("runs/guidance"),
    steps: Steps = 1200,
    minutes: Minutes = None,
    seed: Seed = 0,
    resume: Resume = False,
    force: Force = False,
) -> Result:
    """Train text and image towers on renders of painted people, their captions and changes."""
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.train.guidance import GuidanceSettings
    from clipface_cli.train.guidance import train_guidance as train

    claim_folder(output, force or resume)
    record = RunRecord({"steps": steps, "minutes": minutes, "seed": seed, "resume": resume})
    settings = GuidanceSettings(steps=steps, minutes=minutes, seed=seed)
    with record.timing("train"):
        weights = train(output, settings, say, resume)
    record.write(output, [weights])
    return Result(weights)
