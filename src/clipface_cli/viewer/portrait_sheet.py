"""A contact sheet of many meshes: a row for each person, a column for each prompt."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from clipface_cli.artifacts import Pixels, contact_sheet, save_image
from clipface_cli.avatar import Rigged, load_head_only
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portrait

RESOLUTION = 256  # pixels a side of a picture
BLANK = 240  # grey where there is no mesh
ORIGINAL = "original"


@dataclass(frozen=True)
class SheetContents:
    """Names of the rows and of the columns."""

    people: list[str]
    prompts: list[str]


def write_portrait_sheet(
    paths: Sequence[Path],
    target: Path,
    head: HeadModel,
    report: Callable[[int], None],
    allow_outside: bool = False,
) -> SheetContents:
    """Portraits of meshes of this head, told apart by shape and by the edits that they remember.

    `report` gets the number of portraits made. Raises InputError where a mesh is not this head's.
    """
    people: dict[bytes, str] = {}
    pictures: dict[tuple[bytes, str], Pixels] = {}
    for done, path in enumerate(paths, 1):
        made = load_head_only(path, head, allow_outside)
        person, prompts = _person(made), _prompts(made)
        if prompts == ORIGINAL or person not in people:
            people[person] = path.stem if prompts == ORIGINAL else path.parent.name
        vertices = torch.from_numpy(made.mesh.vertices).float()
        picture = portrait(head, vertices, made.texture, resolution=RESOLUTION)
        pictures[person, prompts] = picture
        report(done)
    columns = list(dict.fromkeys(prompts for _, prompts in pictures))
    columns.sort(key=lambda prompts: prompts != ORIGINAL)
    blank = np.full((RESOLUTION, RESOLUTION, 3), BLANK, np.uint8)
    rows = [[pictures.get((person, column), blank) for column in columns] for person in people]
    save_image(target, contact_sheet(rows, columns, list(people.values())))
    return SheetContents(list(people.values()), columns)


def _person(made: Rigged) -> bytes:
    """Whose head it is: edits leave the shape alone."""
    return b"" if made.params is None else made.params.shape.numpy().round(2).tobytes()


def _prompts(made: Rigged) -> str:
    """The prompts so far."""
    return ", ".join(str(edit["prompt"]) for edit in made.history) or ORIGINAL
