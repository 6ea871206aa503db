"""The training set on disk: numbered images, a table of parameters, a manifest, a description.

images/00000/000000123.png   square, at most 1,000 a folder
params.safetensors           shape, expression, pose, camera ...; row i belongs to image i
manifest.jsonl               one line a source: status, and images or the reason against it
dataset.json                 head, encoder, parser, resolution, count ...
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from clipface_cli.artifacts.files import write_text
from clipface_cli.artifacts.tensors import write_tensors
from clipface_cli.errors import InputError

PARAMETERS = ("shape", "expression", "pose", "camera")
TABLE, MANIFEST, NOTE = "params.safetensors", "manifest.jsonl", "dataset.json"
_PER_FOLDER = 1000


def image_name(index: int) -> str:
    """Path of image `index` inside its dataset."""
    return f"images/{index // _PER_FOLDER:05d}/{index:09d}.png"


def write_tables(
    folder: Path,
    tables: Mapping[str, Tensor],
    manifest: Iterable[Mapping[str, Any]],
    note: Mapping[str, Any],
) -> None:
    """Write all but the images, each file complete or not at all, the description last.

    tables: tensors (N, ...) of N images, `PARAMETERS` among them; none where there is no image.
    note: entries of dataset.json besides format, version and count; `head` must be among them.
    """
    if tables:
        header = {"format": "clipface-params", "version": "1", "head": str(note["head"])}
        write_tensors(folder / TABLE, tables, header)
    write_text(folder / MANIFEST, json_lines(manifest))
    count = len(tables["camera"]) if tables else 0
    known = {"format": "clipface-dataset", "version": 1, "count": count}
    write_text(folder / NOTE, json.dumps(known | dict(note), indent=2) + "\n")


def read_note(folder: Path) -> dict[str, Any] | None:
    """Contents of dataset.json, None where there is none; InputError when it is no dataset's."""
    path = folder / NOTE
    if not path.exists():
        return None
    try:
        note = json.loads(path.read_text(encoding="utf-8"))
        if note["format"] == "clipface-dataset":
            return dict(note)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} cannot be read; choose another folder.") from error
    raise InputError(f"{path} describes something else than a dataset; choose another folder.")


def read_tables(folder: Path) -> dict[str, Tensor]:
    """The tables (N, ...) of a dataset of N images; InputError when missing or broken."""
    path = folder / TABLE
    try:
        return dict(load(path.read_bytes()))
    except (OSError, SafetensorError) as error:
        raise InputError(f"{path} cannot be read; write the dataset again.") from error


def read_manifest(folder: Path) -> list[dict[str, Any]]:
    """The manifest's lines; InputError when it is missing or broken."""
    path = folder / MANIFEST
    try:
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read; write the dataset again.") from error


def json_lines(values: Iterable[Mapping[str, Any]]) -> str:
    """One JSON object a line; ASCII, so that file names of any bytes survive."""
    return "".join(json.dumps(value) + "\n" for value in values)
