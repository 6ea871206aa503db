"""`clipface train-mapper`: mappers that edit any head in one pass, for one prompt or for many."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._edit_options import PromptFile, read_prompts
from clipface_cli.cli._options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    OutputFolder,
    Seed,
    TextureOnly,
    pick_device,
)
from clipface_cli.cli._progress import progress, say
from clipface_cli.errors import InputError

_WARNINGS = 5  # prompts whose unknown words are told of


def train_mapper(
    output: OutputFolder,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What faces should look like."),
    ] = None,
    prompts: PromptFile = None,
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    guidance: GuidanceSource = "builtin",
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Training steps [1000, with --prompts 3500].", min=1),
    ] = None,
    texture_only: TextureOnly = False,
    seed: Seed = 0,
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Train mappers on random heads that edit any head in one pass; `edit --mapper` applies them.

    With --prompts one mapper learns all of them, and others: `edit --mapper RUN --prompt TEXT`.
    """
    asked = read_prompts([prompt] if prompt is not None else None, prompts)
    if (prompt is None) == (prompts is None):
        raise InputError("Give one of --prompt TEXT and --prompts FILE.")
    from clipface_cli import edit
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.cli._models import load_generator, load_head
    from clipface_cli.guidance import load_guidance

    schedule = edit.MapperSettings() if prompts is None else edit.PROMPTED
    schedule = replace(
        schedule, steps=steps or schedule.steps, texture_only=texture_only, seed=seed
    )
    sources = {
        "prompts": asked,
        "head": head or "builtin",
        "generator": generator,
        "guidance": guidance,
    }
    record = RunRecord({**sources, **asdict(schedule), "device": pick_device(device)})
    with record.timing("load"):
        model = load_head(head)
        network = load_generator(generator, model)
        towers = load_guidance(guidance)
    warnings = [towers.understood(text).warning() for text in asked]
    for warning in list(filter(None, warnings))[:_WARNINGS]:
        say(warning)
    claim_folder(output, force)
    title = asked[0] if prompts is None else f"{len(asked)} prompts"
    with record.timing("train"), progress(f"Training: {title}", schedule.steps) as advance:

        def watch(now: edit.Moment) -> None:
            advance(now.step, f"similarity {now.similarity[0]:.2f}")

        if prompts is None:
            edit.train_mapper(asked[0], model, network, towers, output, schedule, watch)
        else:
            edit.train_prompt_mapper(asked, model, network, towers, output, schedule, watch)
    record.write(output, sorted(output.glob("*.safetensors")))
    return Result(output)
