"""Options that several commands share, defined once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from clipface_cli.errors import InputError

MOST_SEEDS = 1000  # in a list

Seed = Annotated[int, typer.Option("--seed", help="Every random choice follows from it.", min=0)]
Device = Annotated[
    Literal["auto", "cpu", "cuda"],
    typer.Option("--device", help="auto: a GPU where there is one."),
]
_PLACES = "Where to run"
Devices = Annotated[
    int | None,
    typer.Option(
        "--devices",
        help="Processes on this machine, one a GPU; torchrun's or SLURM's where they start it.",
        min=1,
        rich_help_panel=_PLACES,
    ),
]
Nodes = Annotated[
    int | None,
    typer.Option("--num-nodes", help="Machines.", min=1, rich_help_panel=_PLACES),
]
Force = Annotated[bool, typer.Option("--force", help="Overwrite what the output already holds.")]
OutputFolder = Annotated[
    Path, typer.Option("--output", "-o", metavar="DIR", help="Folder to write into.")
]
Steps = Annotated[int, typer.Option("--steps", help="Training steps.", min=1)]
Minutes = Annotated[
    float | None, typer.Option("--minutes", help="Train this long instead of --steps.", min=0)
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the last checkpoint.")]
TextureOnly = Annotated[bool, typer.Option("--texture-only", help="Leave the expression as it is.")]
MeshFile = Annotated[
    Path, typer.Argument(metavar="MESH.obj", help="A textured head, as `sample` writes it.")
]
GeneratorSource = Annotated[
    str,
    typer.Option("--generator", "-g", metavar="RUN", help="Texture generator: builtin or a path."),
]
AllowOutside = Annotated[
    bool,
    typer.Option(
        "--allow-outside", help="Also follow names of pictures that leave the mesh's folder."
    ),
]
HeadSource = Annotated[
    str | None,
    typer.Option(
        "--head",
        metavar="HEAD",
        help="Head model: builtin, flame (once imported) or a path [the mesh's own, or builtin].",
    ),
]
GuidanceSource = Annotated[
    str,
    typer.Option("--guidance", metavar="MODEL", help="Text-image model: builtin or a path."),
]


def named_after(source: Path, ending: str) -> Path:
    """An output in the current folder named after an input: deep/ffhq/ -> ffhq-dataset.

    A file gives its name without the suffix. Dots and dashes in front, which would hide the output
    or make it look like an option, are left out.
    """
    named = source if source.name not in ("", "..") else source.resolve()
    name = named.name if source.is_dir() else named.stem
    return Path((name.lstrip(".-") or "root") + ending)


def pick_device(device: str) -> str:
    """ "cpu" or "cuda", to which "auto" resolves where there is a GPU.

    Raises InputError for a GPU that is not there.
    """
    from clipface_cli.train.common.distributed import device_kind

    return device_kind(device)


def parse_expression(text: str) -> dict[str, float]:
    """ "jawOpen=0.5,mouthSmileLeft=1" as activations; InputError for anything else."""
    activations = {}
    for item in filter(None, (part.strip() for part in text.split(","))):
        name, _, amount = item.partition("=")
        try:
            activations[name.strip()] = float(amount)
        except ValueError as error:
            message = f"--expression: {item!r} is not UNIT=AMOUNT, such as jawOpen=0.5."
            raise InputError(message) from error
    return activations


def parse_seeds(option: str, text: str) -> list[int]:
    """ "0-3,7" or "3:8" as seeds, each once; InputError, with the option's name, for others."""
    found: list[int] = []
    for part in text.replace(":", ",").split(","):
        first, dash, last = part.strip().partition("-")
        if not first.isdecimal() or (dash and not last.isdecimal()):
            raise InputError(
                f"{option}: {part.strip()!r} is no seed; give a list such as 0-3 or 1,5."
            )
        found += range(int(first), min(int(last or first), int(first) + MOST_SEEDS) + 1)
    if len(found) > MOST_SEEDS:
        raise InputError(f"{option}: {text!r} is more than {MOST_SEEDS} seeds; give fewer.")
    return list(dict.fromkeys(found))
