"""`clipface train-gan`: a texture generator from images of heads with known parameters."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import Force, HeadSource, Minutes, OutputFolder, Resume, Seed
from clipface_cli.cli._progress import say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.train import GanSettings
    from clipface_cli.train.ranks import Ranks

_PLACES, _SPEED = "Where to run", "Speed and memory"


def train_gan(
    dataset: Annotated[
        Path,
        typer.Argument(
            metavar="DATASET",
            help="A folder of `preprocess` or `synth`, or one with UV maps in uv/ (see the guide).",
        ),
    ],
    output: OutputFolder,
    preset: Annotated[
        Literal["paper", "embedded"],
        typer.Option("--preset", help="What the options below are by default."),
    ] = "paper",
    warm_start: Annotated[
        Path | None,
        typer.Option(
            "--warm-start", metavar="CORPUS", help="Learn to paint these people's textures first."
        ),
    ] = None,
    warm_minutes: Annotated[
        float, typer.Option("--warm-minutes", help="How long the warm start takes.", min=0)
    ] = 60.0,
    start: Annotated[
        str | None,
        typer.Option("--start", metavar="RUN", help="Generator to go on from: builtin or a path."),
    ] = None,
    head: HeadSource = None,
    resolution: Annotated[
        int | None,
        typer.Option("--resolution", help="Of texture and images; a power of two.", min=16),
    ] = None,
    steps: Annotated[int | None, typer.Option("--steps", help="Training steps.", min=1)] = None,
    minutes: Minutes = None,
    batch: Annotated[
        int | None, typer.Option("--batch", help="Images a device and step.", min=1)
    ] = None,
    learning_rate: Annotated[
        float | None, typer.Option("--learning-rate", help="Of Adam, for both sides.", min=0)
    ] = None,
    patch: Annotated[
        bool, typer.Option("--patch/--no-patch", help="Judge random 64 x 64 patches too.")
    ] = True,
    freeze: Annotated[
        int | None,
        typer.Option(
            "--freeze", metavar="N", help="Train only what paints finer than N x N.", min=0
        ),
    ] = None,
    ada: Annotated[
        bool, typer.Option("--ada/--no-ada", help="Augment what is judged, adaptively.")
    ] = True,
    every: Annotated[
        int | None, typer.Option("--every", help="Steps between checkpoints and samples.", min=1)
    ] = None,
    seed: Seed = 0,
    resume: Resume = False,
    pieces: Annotated[
        int | None,
        typer.Option(
            "--accumulate",
            help="Compute a batch in this many pieces.",
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
    devices: Annotated[
        int | None,
        typer.Option(
            "--devices",
            help="Processes on this machine, one a GPU; torchrun's or SLURM's where they start it.",
            min=1,
            rich_help_panel=_PLACES,
        ),
    ] = None,
    num_nodes: Annotated[
        int | None,
        typer.Option("--num-nodes", help="Machines.", min=1, rich_help_panel=_PLACES),
    ] = None,
    force: Force = False,
) -> Result:
    """Train a texture generator through the renderer, or on UV maps; writes generator.safetensors.

    Ctrl-C (or a scheduler's SIGTERM) saves; --resume goes on from there, bit for bit on the CPU.
    """
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.render import usable_backend
    from clipface_cli.train import PRESETS
    from clipface_cli.train import train_gan as train
    from clipface_cli.train.ranks import Ranks

    given: dict[str, Any] = {
        "head": head,
        "resolution": resolution,
        "steps": steps,
        "minutes": minutes,
        "batch": batch,
        "learning_rate": learning_rate,
        "critic_rate": learning_rate,
        "every": every,
        "pieces": pieces,
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
    ranks = Ranks(device, devices, num_nodes, precision)
    if ranks.device.type == "cuda" and usable_backend() == "cpu":
        say("nvdiffrast is missing (extra `cuda`): heads are drawn on the CPU, which is slower.")
    sources = {"dataset": dataset, "warm_start": warm_start, "start": start}
    places = {"device": str(ranks.device), "processes": ranks.world, "precision": ranks.precision}
    record = RunRecord(
        {"preset": preset, **sources, **asdict(settings), **places, "resume": resume},
        [dataset / "dataset.json", dataset / "params.safetensors"],
    )
    if ranks.first:
        claim_folder(output, force or resume)
    if warm_start:
        with record.timing("warm start"):
            start = _warm(warm_start, output / "warm-start", warm_minutes, settings, resume, ranks)
    with record.timing("adversarial"):
        going_on = resume and _begun(output)
        weights = train(dataset, output, settings, start, warm_start, say, going_on, ranks)
    if ranks.first:
        record.write(output, [weights])
    return Result(weights, quiet=not ranks.first)


def _warm(
    corpus: Path, folder: Path, minutes: float, settings: GanSettings, resume: bool, ranks: Ranks
) -> str:
    """The warm-started generator, by the first process; a resumed run takes an earlier one."""
    from clipface_cli.synth import sample_attributes
    from clipface_cli.train import WarmStartSettings, warm_start

    weights = folder / "generator.safetensors"
    if ranks.first and not (resume and weights.is_file()):
        schedule = WarmStartSettings(
            resolution=settings.resolution,
            minutes=minutes,
            batch=settings.batch,
            seed=settings.seed,
            device=str(ranks.device),
        )
        warm_start(corpus, folder, schedule, sample_attributes, say, resume and _begun(folder))
    ranks.wait()
    return str(weights)


def _begun(run: Path) -> bool:
    return any((run / "checkpoints").glob("*.safetensors"))
