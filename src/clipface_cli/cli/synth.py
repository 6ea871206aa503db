"""`clipface synth`: painted people, and renders of them as a dataset to train on."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import Force, OutputFolder, Seed
from clipface_cli.cli.progress import say

if TYPE_CHECKING:
    from clipface_cli.artifacts import Pixels

SHOWN = 12
PORTRAIT = 320


def synth(
    people: Annotated[int, typer.Option("--number", "-n", help="How many people.", min=1)] = 500,
    output: OutputFolder = Path("synth"),
    seed: Seed = 0,
    renders: Annotated[
        int | None, typer.Option("--renders", help="Images of the dataset [4 a person].", min=0)
    ] = None,
    resolution: Annotated[
        int, typer.Option("--resolution", help="Pixels of a dataset image.", min=32)
    ] = 256,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes that paint [one a core].", min=1)
    ] = None,
    force: Force = False,
) -> Result:
    """Paint people, and render them as a dataset to train on.

    Writes corpus/ (UV textures), dataset/ (renders) and people.png (portraits of some).
    An interrupted or smaller run with the same seed is continued; what is there is kept.
    """
    from clipface_cli.artifacts import RunRecord, captioned_sheet, claim_folder, save_image
    from clipface_cli.synth import write_corpus, write_dataset

    count = 4 * people if renders is None else renders
    processes = workers or os.cpu_count() or 1
    record = RunRecord({"people": people, "seed": seed, "renders": count, "resolution": resolution})
    if not (output / "corpus" / "corpus.json").is_file():
        claim_folder(output, force)
    with record.timing("paint"):
        say(f"Painting {people} people with {processes} processes, about a second each: {output}.")
        corpus = write_corpus(output / "corpus", people, seed, processes)
    if count:
        with record.timing("render"):
            say(f"Rendering {count} images.")
            write_dataset(corpus, output / "dataset", count, resolution, seed, processes)
    with record.timing("show"):
        sheet = output / "people.png"
        save_image(sheet, captioned_sheet(*_show(corpus, min(people, SHOWN)), across=4))
    record.write(output, [corpus, output / "dataset", sheet] if count else [corpus, sheet])
    return Result(output, {"sheet": str(sheet), "people": people, "images": count})


def _show(corpus: Path, count: int) -> tuple[list[Pixels], list[str]]:
    """Portraits of the first people on the neutral head, with a caption each."""
    import numpy as np

    from clipface_cli.artifacts import load_pixels
    from clipface_cli.head import HeadModel
    from clipface_cli.portrait import portrait
    from clipface_cli.synth import captions, read_people

    head = HeadModel.load()
    random = np.random.default_rng(0)
    pictures, labels = [], []
    for index, person in enumerate(read_people(corpus)[:count]):
        texture = load_pixels(corpus / "uv" / f"{index:06d}.png")
        pictures.append(portrait(head, head.template, texture, resolution=PORTRAIT))
        labels.append(captions(person, "neutral", random)[-1])
    return pictures, labels
