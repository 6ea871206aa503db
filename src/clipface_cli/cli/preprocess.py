"""`clipface preprocess`: photos to a dataset of masked images with head parameters."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import Force, named_after
from clipface_cli.cli.progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.photos.preprocess import Preprocessing, Summary
    from clipface_cli.photos.unfinished import Plan

_LIMITS = "Limits"


def preprocess(
    photos: Annotated[
        Path, typer.Argument(metavar="PHOTOS", help="Folder of photos, at any depth, or one photo.")
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="DIR",
            help="Dataset to write or go on with [PHOTOS-dataset].",
        ),
    ] = None,
    resolution: Annotated[
        int, typer.Option("--resolution", help="Pixels of an image.", min=32, max=2048)
    ] = 512,
    encoder: Annotated[
        str,
        typer.Option(
            "--encoder", help="Head parameters by landmarks, photometric, or deca[:PATH]."
        ),
    ] = "landmarks",
    parser: Annotated[
        str | None,
        typer.Option("--parser", help="Face parser for hats, glasses and hair: bisenet[:PATH]."),
    ] = None,
    head: Annotated[
        str | None,
        typer.Option("--head", help="Head model [the encoder's own]: builtin, flame or a file."),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", help="Processes [one a core].", min=1)
    ] = None,
    no_filter: Annotated[
        bool, typer.Option("--no-filter", help="Keep every face.", rich_help_panel=_LIMITS)
    ] = False,
    min_face: Annotated[
        float,
        typer.Option("--min-face", help="Pixels of a face in its photo.", rich_help_panel=_LIMITS),
    ] = 96,
    max_yaw: Annotated[
        float, typer.Option("--max-yaw", help="Degrees to a side.", rich_help_panel=_LIMITS)
    ] = 50,
    max_pitch: Annotated[
        float, typer.Option("--max-pitch", help="Degrees up or down.", rich_help_panel=_LIMITS)
    ] = 35,
    max_roll: Annotated[
        float, typer.Option("--max-roll", help="Degrees of tilt.", rich_help_panel=_LIMITS)
    ] = 40,
    max_blur: Annotated[
        float, typer.Option("--max-blur", help="0 sharp .. 1 blank.", rich_help_panel=_LIMITS)
    ] = 0.75,
    max_residual: Annotated[
        float,
        typer.Option(
            "--max-residual",
            help="Mean landmark error of the fit, in distances of the outer eye corners.",
            rich_help_panel=_LIMITS,
        ),
    ] = 0.08,
    certainty: Annotated[
        float,
        typer.Option(
            "--certainty",
            help="How sure one must be of a hat or glasses to refuse a face.",
            min=0.5,
            max=1,
            rich_help_panel=_LIMITS,
        ),
    ] = 0.97,
    max_megapixels: Annotated[
        float,
        typer.Option(
            "--max-megapixels", help="Larger pictures are refused.", rich_help_panel=_LIMITS
        ),
    ] = 68,
    force: Force = False,
) -> Result:
    """Turn a folder of photos into a dataset to train on.

    Writes masked images with head parameters and cameras. An interrupted run is continued by the
    same command; photos added since are added. A square photo is used as it is, for its largest
    face; of any other, every face is cut out as FFHQ does.
    """
    from clipface_cli.artifacts import RunRecord
    from clipface_cli.photos.filters import Limits
    from clipface_cli.photos.preprocess import Preprocessing, Settings, check, claim, load_head

    limits = Limits(
        min_face, max_yaw, max_pitch, max_roll, max_blur, max_residual, certainty=certainty
    )
    settings = Settings(
        resolution, encoder, parser, head, None if no_filter else limits, max_megapixels
    )
    check(photos, settings)
    output = output or default_output(photos, force)
    claim(output, force)
    record = RunRecord({"photos": photos.resolve(), "output": output, "workers": workers})
    run = Preprocessing(photos, output, settings)
    _tell(run)
    if not run.rank and _photos_of(output) is None:
        record.write(output, [])  # an interrupted dataset says what it is made of, too
    if run.plan is None:
        say("All of them are in the dataset already.")
        return Result(output, vars(run.summary()))
    start = time.perf_counter()
    with record.timing("photos"):
        fresh = _work(run, run.plan, workers or os.cpu_count() or 1)
    if run.rank:
        return Result(output, {"rank": run.rank})
    rate = fresh / (time.perf_counter() - start)
    with record.timing("assemble"):
        model = load_head(settings)
        summary = run.assemble(model)
        sheet = run.contact_sheet(model)
    record.write(output, [sheet] if sheet else [], **vars(summary), photos=fresh)
    run.end()
    say(_table(summary, rate))
    if not summary.images:
        raise InputError(f"No photo of {photos} gave an image; see {output / 'manifest.jsonl'}.")
    return Result(output, {**vars(summary), "photos_per_second": round(rate, 2)})


def default_output(photos: Path, force: bool) -> Path:
    """PHOTOS-dataset; InputError where other photos of the same name filled it."""
    output = named_after(photos, "-dataset")
    filled = None if force else _photos_of(output)
    if filled is not None and filled.exists() and not filled.samefile(photos):
        raise InputError(
            f"{output} was made of {filled}; choose another folder with -o or start it again with "
            "--force."
        )
    return output


def _photos_of(dataset: Path) -> Path | None:
    """The photos that run.json of a dataset names."""
    try:
        return Path(json.loads((dataset / "run.json").read_text("utf-8"))["settings"]["photos"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _tell(run: Preprocessing) -> None:
    found = run.listing
    for path, why in found.problems.items():
        say(f"{path}: {why}.")
    others = f", {found.others} other files passed over" if found.others else ""
    say(f"{len(found.photos)} photos{others}; the dataset is {run.folder}.")


def _work(run: Preprocessing, plan: Plan, workers: int) -> int:
    """Do the run's part; returns the number of photos done now."""
    first = done = 0
    try:
        with progress("Photos", len(plan.sources)) as advance:
            for step, done in enumerate(run.work(workers)):
                first = done if step == 0 else first
                advance(done, "")
    except KeyboardInterrupt:
        say("What is done is kept; the same command goes on from there.")
        raise
    return done - first


def _table(summary: Summary, rate: float) -> str:
    """The outcome as aligned lines."""
    rows = [("images", summary.images), ("photos kept", summary.kept)]
    rows += [(f"rejected: {reason}", count) for reason, count in summary.rejected.items()]
    rows += [("failed", summary.failed)]
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {count:>7}" for name, count in rows]
    return "\n".join([*lines, f"  {'photos a second':<{width}}  {rate:>7.1f}"])
