"""Output folders that several runs fill: the settings that their numbers follow from must agree."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipface_cli.artifacts import write_text
from clipface_cli.errors import InputError


def claim_settings(
    folder: Path, name: str, settings: Mapping[str, Any], growing: Mapping[str, Any], force: bool
) -> None:
    """Make a folder this run's, or go on with an earlier one.

    settings: must be those of the earlier run; growing: such as heads by their hashes, of which
    there may be others, but none that changed. Both are kept in the file `name`. Raises InputError
    where they differ, or where the folder holds something else, unless `force` is on.
    """
    path = folder / name
    asked, more = json.loads(json.dumps(settings)), dict(growing)
    if not force and path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        for key in known["settings"].keys() | asked.keys():
            if known["settings"].get(key) != asked.get(key):
                what = f"{key} {known['settings'].get(key)}, not {asked.get(key)}"
                raise InputError(_begun(folder, what))
        for key in known["inputs"].keys() & more.keys():
            if known["inputs"][key] != more[key]:
                raise InputError(_begun(folder, f"another {key}"))
        more = known["inputs"] | more
    elif not force and folder.is_dir() and any(folder.iterdir()):
        raise InputError(f"{folder} holds something else; choose another -o, or add --force.")
    record = json.dumps({"settings": asked, "inputs": more}, indent=2, ensure_ascii=False)
    write_text(path, record + "\n")


def _begun(folder: Path, what: str) -> str:
    return f"{folder} was begun with {what}; choose another -o, or start over with --force."
