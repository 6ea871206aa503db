"""`clipface sample`: random textured heads to start from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
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
from clipface_cli.cli._progress import progress

if TYPE_CHECKING:
    from clipface_cli.edit import Subject

PORTRAIT = 512


def sample(
    count: Annotated[
        int, typer.Option("--number", "-n", help="How many heads.", min=1, max=1000)
    ] = 4,
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
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Write random textured heads (OBJ, MTL, PNG), a picture of all, and how they were made.

    Head number i follows from seed + i, so a longer series begins like a shorter one.
    """
    units, seeds = parse_expression(expression), parse_seeds(interpolate, count)
    from clipface_cli.artifacts import RunRecord, captioned_sheet, claim_folder, save_image
    from clipface_cli.cli._models import load_generator, load_head
    from clipface_cli.edit import between, sample_subject, save_subject
    from clipface_cli.head import fit_units
    from clipface_cli.render.portrait import portrait

    settings = {
        "seed": seed,
        "interpolate": seeds,
        "truncation": truncation,
        "expression": units,
        "head": head or "builtin",
        "generator": generator,
        "device": pick_device(device),
    }
    record = RunRecord(settings)
    with record.timing("load"):
        model = load_head(head)
        network = load_generator(generator, model)
        posed = fit_units(model, units)
    claim_folder(output, force)
    people: Iterator[tuple[str, Subject]] = (
        (f"{i:03}", sample_subject(model, network, seed + i, truncation)) for i in range(count)
    )
    if seeds:
        corners = [sample_subject(model, network, s, truncation) for s in seeds]
        people = between(corners, count, network)
    total = count**2 if len(seeds) == 4 else count
    meshes, portraits, names = [], [], []
    with progress("Sampling heads", total) as advance:
        for index in range(total):
            with record.timing("sample"):
                name, subject = next(people)
                names.append(name)
                subject.params.expression = posed.expression[None]
                meshes.append(output / f"{index:03}.obj")
                save_subject(meshes[-1], subject, model)
            with record.timing("render"):
                vertices = model.pose_head(subject.params)[0]
                portraits.append(portrait(model, vertices, subject.texture[0], resolution=PORTRAIT))
            advance(index + 1, "")
    sheet = output / "heads.png"
    save_image(sheet, captioned_sheet(portraits, names, count if seeds else min(4, count)))
    missed = {"expression_miss_mean_mm": posed.mean_mm, "expression_miss_worst_mm": posed.worst_mm}
    record.write(output, [*meshes, sheet], **missed)
    facts = {"meshes": [str(mesh) for mesh in meshes], "sheet": str(sheet), **missed}
    return Result(output, facts)
