"""The files of edits: a folder for each, and one of all with a contact sheet."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from clipface_cli.artifacts import (
    Pixels,
    RunRecord,
    before_after,
    claim_folder,
    contact_sheet,
    save_image,
    slug,
    write_text,
)
from clipface_cli.avatar import Subject, save_subject
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portraits
from clipface_cli.render import Camera, Renderer

MESH, PICTURE, SHEET = "edited.obj", "before_after.png", "edits.png"
PORTRAIT, PREVIEW = 512, 384  # pixels a side


@dataclass
class EditOutput:
    """One edit and its output folder.

    subject: the edited head, None until there is one; scores: for run.json; log: loss and
    similarity by step, None where a method knows none; interrupted: Ctrl-C ended it.
    """

    name: str
    seed: int
    folder: Path
    subject: Subject | None = None
    scores: dict[str, Any] = field(default_factory=dict)
    log: Sequence[tuple[float, float | None]] = ()
    interrupted: bool = False


def edit_outputs(
    mesh: Path, names: Sequence[str], seeds: Sequence[int], output: Path | None
) -> list[EditOutput]:
    """One `EditOutput` for each name and seed, in `output` or, of several, in folders there."""
    if len(names) == len(seeds) == 1:
        folder = output or Path(f"{mesh.stem}-{slug(names[0])}")
        return [EditOutput(names[0], seeds[0], folder)]
    parent = output or Path(f"{mesh.stem}-edits")
    made: list[EditOutput] = []
    for name in names:
        for seed in seeds:
            stem = slug(name) + (f"-{seed}" if len(seeds) > 1 else "")
            taken = sum(m.folder.name == stem or m.folder.name.startswith(f"{stem}.") for m in made)
            folder = parent / (f"{stem}.{taken + 1}" if taken else stem)
            made.append(EditOutput(name, seed, folder))
    return made


def claim_outputs(edits: Sequence[EditOutput], force: bool) -> Path:
    """Create the folder of everything, which is returned, and those in it.

    Raises InputError where one holds something and `force` is off.
    """
    if len(edits) == 1:
        return claim_folder(edits[0].folder, force)
    folder = claim_folder(edits[0].folder.parent, force)
    for made in edits:
        claim_folder(made.folder, force)
    return folder


def save_preview(folder: Path, edited: Subject, head: HeadModel) -> None:
    """preview.png of a head in the middle of an edit."""
    subject = edited.to("cpu")
    vertices = head.pose_head(subject.params) - head.origin
    image, _ = Renderer(head, PREVIEW)(vertices, subject.texture, Camera.front())
    save_image(folder / "preview.png", image)


def start_portraits(subject: Subject, head: HeadModel) -> Future[list[Pixels]]:
    """Draw a head's portraits, some of (H, W, 3), beside other work such as an edit of it."""
    pool = ThreadPoolExecutor(1)
    drawing = pool.submit(_portraits, subject, head)
    pool.shutdown(wait=False)
    return drawing


def _portraits(subject: Subject, head: HeadModel) -> list[Pixels]:
    vertices = head.pose_head(subject.params)[0]
    return portraits(head, vertices, subject.texture[0], resolution=PORTRAIT)


def write_edits(
    edits: Sequence[EditOutput],
    before: Future[list[Pixels]],
    head: HeadModel,
    folder: Path,
    record: RunRecord,
) -> tuple[Path, dict[str, Any]]:
    """All files of all edits; the mesh of a single one, or the folder, and facts about them.

    before: portraits (H, W, 3) of the head where they began, from `start_portraits`.
    """
    shown = [before.result()]
    facts = []
    for made in edits:
        if made.subject is None:
            continue
        made.subject = made.subject.to("cpu")
        with record.timing("render"):
            after = start_portraits(made.subject, head)
            save_subject(made.folder / MESH, made.subject, head)
            shown.append(after.result())
        facts.append(_write_edit(made, shown[0], shown[-1], record))
    if len(edits) == 1:
        return Path(facts[0].pop("path")), facts[0]
    names = ["before", *(made.folder.name for made in edits)]
    sheet = folder / SHEET
    save_image(sheet, contact_sheet([list(row) for row in zip(*shown, strict=True)], names))
    record.write(folder, [sheet], edits=facts)
    return folder, {"picture": str(sheet), "edits": facts}


def _write_edit(
    made: EditOutput, before: list[Pixels], after: list[Pixels], record: RunRecord
) -> dict[str, Any]:
    """Picture, progress and record of one edit, whose mesh is written; returns facts."""
    target, picture = made.folder / MESH, made.folder / PICTURE
    save_image(picture, before_after(before, after, made.name))
    steps = enumerate(made.log, 1)
    lines = [f"{step},{loss:.5f},{_number(similar)}" for step, (loss, similar) in steps]
    if lines:
        write_text(made.folder / "progress.csv", "\n".join(["step,loss,similarity", *lines]) + "\n")
    scores = {"prompt": made.name, "seed": made.seed, **made.scores}
    record.write(made.folder, [target, picture], **scores)
    return {"path": str(target), "picture": str(picture), **scores}


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.5f}"
