"""`clipface train-mapper`: mappers for one prompt that edit any head in one pass."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    OutputFolder,
    Seed,
    Steps,
    TextureOnly,
    pick_device,
)
from clipface_cli.cli._progress import progress, say
from clipface_cli.errors import InputError


def train_mapper(
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", metavar="TEXT", help="What faces should look like.")
    ],
    output: OutputFolder,
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    guidance: GuidanceSource = "builtin",
    steps: Steps = 1000,
    texture_only: TextureOnly = False,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Train mappers for one prompt on random heads; `clipface edit --mapper` applies them."""
    if not prompt.strip():
        raise InputError("--prompt is empty; say what faces should look like.")
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.cli._models import load_generator, load_head
    from clipface_cli.edit import MapperSettings
    from clipface_cli.edit import train_mapper as train
    from clipface_cli.guidance import load_guidance

    schedule = MapperSettings(steps=steps, texture_only=texture_only, seed=seed)
    sources = {
        "prompt": prompt,
        "head": head or "builtin",
        "generator": generator,
        "guidance": guidance,
    }
    record = RunRecord({**sources, **asdict(schedule), "device": pick_device(device)})
    with record.timing("load"):
        model = load_head(head)
        network = load_generator(generator, model)
        towers = load_guidance(guidance)
    if warning := towers.understood(prompt).warning():
        say(warning)
    claim_folder(output, force)
    with record.timing("train"), progress(f"Training: {prompt}", steps) as advance:
        train(
            prompt,
            model,
            network,
            towers,
            output,
            schedule,
            lambda now: advance(now.step, f"similarity {now.similarity[0]:.2f}"),
        )
    record.write(output, sorted(output.glob("*.safetensors")))
    return Result(output)
