"""Writing without accidents: nothing half-written, nothing overwritten unasked."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from clipface_cli.errors import ClipfaceError, InputError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary name beside `path`, renamed to it when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    except OSError as error:
        raise ClipfaceError(f"Cannot write {path}: {error.strerror or error}.") from error
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text with Unix line ends, all of it or nothing."""
    with replacing(path) as partial:
        partial.write_text(text, encoding="utf-8", newline="\n")


def claim_folder(folder: Path, force: bool) -> Path:
    """Create an output folder; InputError when it holds something and `force` is off."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file, not a folder; choose another output with -o.")
    if folder.is_dir() and any(folder.iterdir()) and not force:
        raise InputError(f"{folder} is not empty; choose another folder with -o or add --force.")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot create the folder {folder}: {error.strerror}.") from error
    return folder


def claim_file(path: Path, force: bool) -> Path:
    """Create the folder of an output file; InputError when the file exists and `force` is off."""
    if path.is_dir():
        raise InputError(f"{path} is a folder; give a file name with -o.")
    if path.exists() and not force:
        raise InputError(f"{path} exists; choose another name with -o or add --force.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"Cannot create the folder {path.parent}: {error.strerror}.") from error
    return path


def slug(prompt: str) -> str:
    """A prompt as part of a file name: "Mona Lisa!" -> "mona-lisa"."""
    return re.sub(r"[^\w]+", "-", prompt.lower()).strip("-")[:40] or "edit"
