"""`clipface sample`: random textured heads to start from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import (
    Device,
    Force,
    GeneratorSource,
    HeadSource,
    OutputFolder,
    Seed,
    parse_expression,
    parse_seeds,
    pick_device,
)
from clipface_cli.cli.progress import progress
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.avatar import NamedSubject
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator

PORTRAIT = 512
MOST_STEPS = {2: 1000, 4: 32}  # by the number of seeds to go between
STEPS = 4  # heads, or steps from seed to seed, where -n does not say


def sample(
    count: Annotated[
        int | None,
        typer.Option("--number", "-n", help="How many heads [4; all --codes].", min=1, max=1000),
    ] = None,
    output: OutputFolder = Path("heads"),
    seed: Seed = 0,
    truncation: Annotated[
        float,
        typer.Option("--truncation", help="1: the full variety; 0: the mean face.", min=0, max=1.5),
    ] = 0.8,
    expression: Annotated[
        str,
        typer.Option(
            "--expression",
            metavar="UNIT=AMOUNT,...",
            help="ARKit units or everyday names, such as jawOpen=0.3,smile=0.8.",
        ),
    ] = "",
    interpolate: Annotated[
        str,
        typer.Option(
            "--interpolate",
            metavar="SEED:SEED",
            help="From one seed's person to another's in -n steps; four seeds span an n x n grid.",
        ),
    ] = "",
    codes: Annotated[
        str | None,
        typer.Option(
            "--codes",
            metavar="NAME|FOLDER",
            help="Heads of these latent codes, imported ones or files, instead of random ones.",
        ),
    ] = None,
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Write random textured heads (OBJ, MTL, PNG), a picture of all, and how they were made.

    Head number i follows from seed + i, so a longer series begins like a shorter one.
    """
    if codes and interpolate:
        raise InputError("--codes are heads already; leave --interpolate out.")
    units, seeds = parse_expression(expression), _corners(interpolate, count or STEPS)
    from clipface_cli.artifacts import RunRecord, captioned_sheet, claim_folder, save_image
    from clipface_cli.avatar import save_subject
    from clipface_cli.cli.models import load_generator, load_head
    from clipface_cli.head import fit_units
    from clipface_cli.portrait import portrait

    where = pick_device(device)
    settings = {
        "seed": seed,
        "interpolate": seeds,
        "codes": codes,
        "truncation": truncation,
        "expression": units,
        "head": head or "builtin",
        "generator": generator,
        "device": where,
    }
    record = RunRecord(settings)
    with record.timing("load"):
        model = load_head(head)
        network = load_generator(generator, model, where)
        posed = fit_units(model, units)
        people = _people(model, network, count, seed, seeds, codes, truncation)
    claim_folder(output, force)
    meshes, portraits, names = [], [], []
    with progress("Sampling heads", len(people)) as advance:
        for index, (name, make) in enumerate(people):
            with record.timing("sample"):
                subject = make().to("cpu")
                names.append(name)
                subject.params.expression = posed.expression[None]
                meshes.append(output / f"{index:03}.obj")
                save_subject(meshes[-1], subject, model)
            with record.timing("render"):
                vertices = model.pose_head(subject.params)[0]
                portraits.append(portrait(model, vertices, subject.texture[0], resolution=PORTRAIT))
            advance(index + 1, "")
    columns = (count or STEPS) if seeds else min(4, len(people))
    sheet = output / "heads.png"
    save_image(sheet, captioned_sheet(portraits, names, columns))
    missed = {"expression_miss_mean_mm": posed.mean_mm, "expression_miss_worst_mm": posed.worst_mm}
    record.write(output, [*meshes, sheet], **missed)
    facts = {"meshes": [str(mesh) for mesh in meshes], "sheet": str(sheet), **missed}
    return Result(output, facts)


def _people(
    head: HeadModel,
    network: Generator,
    count: int | None,
    seed: int,
    corners: list[int],
    codes: str | None,
    truncation: float,
) -> list[NamedSubject]:
    """The heads asked for."""
    from clipface_cli.avatar import interpolated_subjects, random_subjects, subjects_of_codes

    if codes is not None:
        from clipface_cli.texture import load_codes

        return subjects_of_codes(head, network, load_codes(codes)[:count], seed, truncation)
    if corners:
        return interpolated_subjects(head, network, corners, count or STEPS, truncation)
    return random_subjects(head, network, count or STEPS, seed, truncation)


def _corners(text: str, steps: int) -> list[int]:
    """The seeds to go between; InputError unless there are two or four, and steps for them."""
    if not text:
        return []
    seeds = parse_seeds("--interpolate", text)
    if len(seeds) not in MOST_STEPS:
        raise InputError(f"--interpolate: {text!r} is not two or four seeds such as 3:8.")
    if not 2 <= steps <= MOST_STEPS[len(seeds)]:
        raise InputError(
            f"--interpolate needs -n from 2 to {MOST_STEPS[len(seeds)]}, the steps from seed to "
            "seed."
        )
    return seeds
