"""The cells of a comparison: one method's edit of one head by one prompt, a folder each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor

from clipface_cli.artifacts import read_tensors, slug, write_tensors, write_text
from clipface_cli.errors import InputError

RECORD, FEATURES, MESH, PICTURE = "cell.json", "features.safetensors", "edited.obj", "portrait.png"
_KIND = "comparison-features"


@dataclass(frozen=True)
class Cell:
    """Where one edit's files are. It is done once its record says so, which is written last."""

    method: str
    head: str
    prompt: str
    folder: Path

    def record(self) -> dict[str, Any] | None:
        """Status `done` with the scores, or `failed` with the error; None before either."""
        path = self.folder / RECORD
        if not path.is_file():
            return None
        try:
            record = json.loads(path.read_text(encoding="utf-8"))
        except ValueError as error:
            raise InputError(f"{path} is damaged; remove it and run again.") from error
        return record if isinstance(record, dict) else None

    @property
    def done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.record() or {}).get("status") == "done"

    def features(self) -> Tensor:
        """Features (V, D) of the renders of the edited head."""
        return read_tensors(self.folder / FEATURES, _KIND)[0]["features"]

    def finish(self, features: Tensor, names: str, facts: dict[str, Any]) -> None:
        """Keep the features (V, D), called `names`, and the facts; the cell is done."""
        write_tensors(
            self.folder / FEATURES, {"features": features}, {"format": _KIND, "features": names}
        )
        self._write({"status": "done"} | facts)

    def fail(self, error: str) -> None:
        """Keep why the cell has no result."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write({"status": "failed", "error": error})

    def forget(self) -> None:
        """Count the cell as not done."""
        (self.folder / RECORD).unlink(missing_ok=True)

    def _write(self, record: dict[str, Any]) -> None:
        record = {"method": self.method, "head": self.head, "prompt": self.prompt} | record
        text = json.dumps(record, indent=2, ensure_ascii=False)
        write_text(self.folder / RECORD, text + "\n")


def plan(
    folder: Path, heads: Iterable[str], prompts: Sequence[str], methods: Sequence[str]
) -> list[Cell]:
    """All cells, prompt by prompt and head by head: an unfinished study compares methods fairly."""
    heads, places = list(heads), prompt_folders(prompts)
    return [
        Cell(method, head, prompt, folder / "cells" / method / head / places[prompt])
        for prompt in prompts
        for head in heads
        for method in methods
    ]


def prompt_folders(prompts: Sequence[str]) -> dict[str, str]:
    """A folder's name for every prompt; prompts that differ in punctuation alone are numbered."""
    names: dict[str, str] = {}
    for prompt in prompts:
        name, taken = slug(prompt), set(names.values())
        number = next(n for n in range(1, len(prompts) + 1) if _numbered(name, n) not in taken)
        names[prompt] = _numbered(name, number)
    return names


def _numbered(name: str, number: int) -> str:
    return name if number == 1 else f"{name}.{number}"
