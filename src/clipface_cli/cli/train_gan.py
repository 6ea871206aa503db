"""`clipface train-gan`: a texture generator from images of heads with known parameters."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import (
    Devices,
    Force,
    HeadSource,
    Minutes,
    Nodes,
    Resume,
    Seed,
    named_after,
)
from clipface_cli.cli.progress import say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.train.common.distributed import Distributed
    from clipface_cli.train.gan import GanSettings

_PLACES, _SPEED = "Where to run", "Speed and memory"


def train_gan(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="A folder of `preprocess` or `synth`, or one with UV maps in uv/ (see the guide).",
        ),
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="RUN", help="Folder to write into [DATASET-gan]."),
    ] = None,
    preset: Annotated[
        Literal["paper", "embedded"],
        typer.Option("--preset", help="What the options below are by default."),
    ] = "paper",
    warm_start: Annotated[
        Path | None,
        typer.Option(
            "--warm-start",
            metavar="CORPUS",
            help="First reconstruct this corpus's textures.",
        ),
    ] = None,
    warm_minutes: Annotated[
        float, typer.Option("--warm-minutes", help="How long the warm start takes.", min=0)
    ] = 60.0,
    start: Annotated[
        str | None,
        typer.Option(
            "--start", metavar="RUN", help="Generator to continue from: builtin or a path."
        ),
    ] = None,
    head: HeadSource = None,
    resolution: Annotated[
        int | None,
        typer.Option("--resolution", help="Of texture and images; a power of two.", min=16),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Training steps.", min=1)] = None,
    minutes: Minutes = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help="Images per device and step.", min=1)
    ] = None,
    learning_rate: Annotated[
        float | None,
        typer.Option("--learning-rate", help="Of Adam, for all networks.", min=0),
    ] = None,
    patch: Annotated[
        bool, typer.Option("--patch/--no-patch", help="Discriminate random 64 x 64 patches too.")
    ] = True,
    freeze: Annotated[
        int | None,
        typer.Option(
            "--freeze", metavar="N", help="Train only blocks finer than N x N texels.", min=0
        ),
    ] = None,
    ada: Annotated[
        bool, typer.Option("--ada/--no-ada", help="Adaptive discriminator augmentation.")
    ] = True,
    every: Annotated[
        int | None, typer.Option("--every", help="Steps between checkpoints and samples.", min=1)
    ] = None,
    seed: Seed = 0,
    resume: Resume = False,
    micro_batches: Annotated[
        int | None,
        typer.Option(
            "--accumulate",
            help="Micro-batches per batch, to save memory.",
            min=1,
            rich_help_panel=_SPEED,
        ),
    ] = None,
    precision: Annotated[
        Literal["auto", "32", "bf16", "64"],
        typer.Option(
            "--precision", help="auto: bf16 where there is hardware for it.", rich_help_panel=_SPEED
        ),
    ] = "auto",
    workers: Annotated[
        int | None,
        typer.Option("--workers", help="Threads that read images.", min=1, rich_help_panel=_SPEED),
    ] = None,
    cache: Annotated[
        float | None,
        typer.Option(
            "--cache", metavar="GiB", help="Decoded images kept.", min=0, rich_help_panel=_SPEED
        ),
    ] = None,
    device: Annotated[
        Literal["auto", "cpu", "cuda"],
        typer.Option("--device", help="auto: a GPU where there is one.", rich_help_panel=_PLACES),
    ] = "auto",
    devices: Devices = None,
    num_nodes: Nodes = None,
    force: Force = False,
) -> Result:
    """Train a texture generator on photos or on UV maps.

    Photos are compared with renders of the textures. Writes generator.safetensors, samples/ and
    checkpoints/. Ctrl-C (or a scheduler's SIGTERM) saves; --resume continues from there, bit for
    bit on the CPU.
    """
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.train.common.distributed import Distributed
    from clipface_cli.train.gan import PRESETS
    from clipface_cli.train.gan import train_gan as train

    given: dict[str, Any] = {
        "head": head,
        "resolution": resolution,
        "steps": steps,
        "minutes": minutes,
        "batch": batch,
        "learning_rate": learning_rate,
        "discriminator_rate": learning_rate,
        "every": every,
        "micro_batches": micro_batches,
        "workers": workers,
        "cache_gib": cache,
        "seed": seed,
        "freeze": freeze,
        "patches": None if patch else 0,
    }
    settings = replace(PRESETS[preset], **{k: v for k, v in given.items() if v is not None})
    settings = settings if ada else replace(settings, augment_target=None)
    settings.check()
    if settings.freeze and start is None and warm_start is None:
        raise InputError("--freeze needs weights to keep; give --start or --warm-start.")
    _check_dataset(dataset)
    output = output or named_after(dataset, "-gan")
    processes = Distributed(device, devices, num_nodes, precision)
    sources = {"dataset": dataset, "warm_start": warm_start, "start": start}
    places = {
        "device": str(processes.device),
        "processes": processes.world_size,
        "precision": processes.precision,
    }
    record = RunRecord(
        {"preset": preset, **sources, **asdict(settings), **places, "resume": resume},
        [dataset / "dataset.json", dataset / "params.safetensors"],
    )
    if processes.is_first:
        claim_folder(output, force or resume)
        say(f"Training on {dataset}; the run is {output}.")
    if warm_start:
        with record.timing("warm start"):
            start = _warm(
                warm_start, output / "warm-start", warm_minutes, settings, resume, processes
            )
    with record.timing("adversarial"):
        going_on = resume and _begun(output)
        weights = train(dataset, output, settings, start, warm_start, say, going_on, processes)
    if processes.is_first:
        record.write(output, [weights])
    return Result(weights, quiet=not processes.is_first)


def _check_dataset(folder: Path) -> None:
    """InputError where there is nothing to train on, before a run folder is made for it."""
    if not folder.is_dir():
        raise InputError(f"There is no folder {folder}; give what `clipface preprocess` wrote.")
    if not any((folder / name).exists() for name in ("images", "uv")):
        raise InputError(f"{folder} is no dataset; make one of photos by `clipface preprocess`.")


def _warm(
    corpus: Path,
    folder: Path,
    minutes: float,
    settings: GanSettings,
    resume: bool,
    processes: Distributed,
) -> str:
    """The warm-started generator, by the first process; a resumed run takes an earlier one."""
    from clipface_cli.synth import sample_attributes
    from clipface_cli.train.gan import WarmStartSettings, warm_start

    weights = folder / "generator.safetensors"
    if processes.is_first and not (resume and weights.is_file()):
        schedule = WarmStartSettings(
            resolution=settings.resolution,
            minutes=minutes,
            batch=settings.batch,
            seed=settings.seed,
            device=str(processes.device),
        )
        warm_start(corpus, folder, schedule, sample_attributes, say, resume and _begun(folder))
    processes.barrier()
    return str(weights)


def _begun(run: Path) -> bool:
    return any((run / "checkpoints").glob("*.safetensors"))
