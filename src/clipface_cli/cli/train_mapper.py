"""`clipface train-mapper`: mappers that edit any head in one pass, for one prompt or for many."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from clipface_cli.cli import edit_options as options
from clipface_cli.cli.command import Result
from clipface_cli.cli.options import (
    Device,
    Devices,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    Nodes,
    Resume,
    Seed,
    TextureOnly,
)
from clipface_cli.cli.progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from torch import Tensor, nn

    from clipface_cli.edit import EditModels, EditSettings, Mappers
    from clipface_cli.guidance import Guidance
    from clipface_cli.train.mapper import MapperSettings

_WARNINGS = 5  # prompts at most whose unknown words are reported


def train_mapper(
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What faces should look like."),
    ] = None,
    prompts: options.PromptFile = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write into [PROMPT-mapper]."),
    ] = None,
    codes: Annotated[
        str | None,
        typer.Option(
            "--codes",
            metavar="NAME|FOLDER",
            help="Train on these latent codes, imported ones or files [fresh random ones].",
        ),
    ] = None,
    preset: options.Preset = "default",
    template: options.Template = None,
    steps: Annotated[
        int | None,
        typer.Option(
            "--steps", help="Training steps [1000, with --prompts 3500; of the paper 5000].", min=1
        ),
    ] = None,
    heads: Annotated[
        int | None,
        typer.Option("--heads", help="Heads per device and step [1; --prompts 4].", min=1),
    ] = None,
    ablate: options.Ablate = None,
    start: options.StartMapper = None,
    texture_only: TextureOnly = False,
    every: Annotated[
        int, typer.Option("--every", help="Steps between checkpoints and samples.", min=1)
    ] = 200,
    seed: Seed = 0,
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    guidance: GuidanceSource = "builtin",
    device: Device = "auto",
    devices: Devices = None,
    num_nodes: Nodes = None,
    resume: Resume = False,
    force: Force = False,
) -> Result:
    """Train mappers on many heads, to edit any head in one pass.

    `edit --mapper` applies them. With --prompts one mapper learns all of them, and others: `edit
    --mapper RUN --prompt TEXT`. Ctrl-C saves; --resume continues from there.
    """
    asked = options.read_prompts([prompt] if prompt is not None else None, prompts)
    if (prompt is None) == (prompts is None):
        raise InputError("Give one of --prompt TEXT and --prompts FILE.")
    many = prompts is not None
    if many and (codes or start):
        raise InputError("--codes and --start are for --prompt; leave them or --prompts out.")
    from clipface_cli.artifacts import RunRecord, claim_folder, slug
    from clipface_cli.cli.models import load_generator, load_head, weight_files
    from clipface_cli.edit import EditModels
    from clipface_cli.guidance import load_guidance
    from clipface_cli.train import mapper
    from clipface_cli.train.common.distributed import Distributed

    folder = output or Path(f"{slug(prompts.stem if prompts else asked[0])}-mapper")
    processes = Distributed(device, devices, num_nodes, "32")
    towers = load_guidance(guidance)
    given = {"steps": steps, "template": template}
    settings = _settings(preset, towers, many, given, ablate)
    settings = replace(
        settings,
        edit=replace(settings.edit, change="texture" if texture_only else "both", seed=seed),
        heads=heads or settings.heads,
        every=every,
        seed=seed,
    )
    sources = {
        "prompts": asked,
        "head": head or "builtin",
        "generator": generator,
        "guidance": guidance,
        "codes": codes,
        "start": start,
        "device": str(processes.device),
        "processes": processes.world_size,
        "resume": resume,
    }
    record = RunRecord({**sources, **_flat(settings)}, weight_files(codes, start))
    with record.timing("load"):
        model = load_head(head)
        network = load_generator(generator, model)
        for module in (model, network, towers):
            processes.move(cast("nn.Module", module))
        models = EditModels(model, network, towers)
        latents, begun = _given(codes, start, models)
    _check_prompts(asked, models, settings.edit)
    if processes.is_first:
        claim_folder(folder, force or resume)
    title = asked[0] if not many else f"{len(asked)} prompts"
    total = settings.edit.steps
    with record.timing("train"), progress(f"Training: {title}", total) as advance:

        def report(step: int, _steps: int, text: str) -> None:
            if processes.is_first:
                advance(step, text)

        run = mapper.Run(folder, resume, processes, report)
        if many:
            mapper.train_prompt_mapper(asked, models, run, settings)
        else:
            mapper.train_mapper(asked[0], models, run, settings, latents, begun)
    if processes.is_first:
        record.write(folder, sorted(folder.glob("*.safetensors")))
    return Result(folder, quiet=not processes.is_first)


def _given(
    codes: str | None, start: str | None, models: EditModels
) -> tuple[Tensor | None, Mappers | None]:
    """Codes to train on and mappers to begin with; InputError for those of other networks."""
    from clipface_cli.avatar import check_codes
    from clipface_cli.edit import Mappers
    from clipface_cli.texture import load_codes

    latents = None if codes is None else load_codes(codes)
    if latents is not None:
        check_codes(latents, models.generator)
    begun = None if start is None else Mappers.load(start)
    if begun is not None:
        begun.check(models.generator, models.head)
    return latents, begun


def _check_prompts(prompts: list[str], models: EditModels, settings: EditSettings) -> None:
    """InputError for a prompt that cannot be read; warns about words that are not known."""
    for prompt in prompts:
        models.target_direction(settings, prompt)
    warnings = [models.guidance.understood(prompt).warning() for prompt in prompts]
    for warning in list(filter(None, warnings))[:_WARNINGS]:
        say(warning)


def _settings(
    preset: Literal["default", "paper", "released"],
    towers: Guidance,
    many: bool,
    given: dict[str, Any],
    ablate: str | None,
) -> MapperSettings:
    """A preset with what the command line says; InputError for what it does not have."""
    from clipface_cli.train.mapper import mapper_settings

    if many and preset != "default":
        raise InputError(f"--preset {preset} trains mappers of one prompt; give --prompt TEXT.")
    settings = mapper_settings(preset, towers, many)
    if many and ablate:
        raise InputError("--ablate is for mappers of one prompt; give --prompt TEXT.")
    edit = options.adjusted(settings.edit, given["steps"], None, None, ablate, given["template"])
    if not edit.code_conditioned:
        raise InputError("--ablate texture-code: trained mappers are told the code; use `edit`.")
    return replace(settings, edit=edit)


def _flat(settings: MapperSettings) -> dict[str, Any]:
    """All settings in one dictionary, the edit's included."""
    own = asdict(settings)
    return {**own.pop("edit"), **own}
