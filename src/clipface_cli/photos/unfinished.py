"""An unfinished dataset: a plan, finished batches that survive any interruption, the assembly.

    DIR/.unfinished/plan.json           which photos, in which order, in addition to the dataset's
    DIR/.unfinished/00000012/           one finished batch: its images, table and manifest lines
    DIR/.unfinished/0-4711.partial/     a batch being written by process 4711 of rank 0

A batch appears under its name only when it is complete, and depends on nothing but its photos and
the settings. The assembly moves images to their final numbers and writes the tables; interrupted
and run again, it gives the same result. The plan is removed last.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from PIL import Image

from clipface_cli.artifacts import read_tensors, write_tensors, write_text
from clipface_cli.artifacts.dataset import (
    image_name,
    json_lines,
    read_manifest,
    read_tables,
    write_tables,
)
from clipface_cli.errors import InputError
from clipface_cli.photos.photo_processor import PhotoBatch

BATCH_SIZE = 16  # photos
_FORMAT = "clipface-dataset-piece"


@dataclass(frozen=True)
class Plan:
    """Work of an unfinished run.

    settings: those of all images of the dataset. sources: photos, in order. images, lines: number
    of each in the dataset before. problems: manifest lines of files that cannot be read.
    """

    settings: dict[str, Any]
    sources: list[str]
    images: int
    lines: int
    problems: list[dict[str, Any]]

    @property
    def batches(self) -> range:
        """Numbers of the batches."""
        return range(-(-len(self.sources) // BATCH_SIZE))

    def batch(self, index: int) -> list[str]:
        """The photos of a batch."""
        return self.sources[index * BATCH_SIZE : (index + 1) * BATCH_SIZE]


class UnfinishedDataset:
    """The unfinished part of the dataset in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.home = folder / ".unfinished"

    def plan(self) -> Plan | None:
        """The plan of an interrupted run."""
        path = self.home / "plan.json"
        if not path.exists():
            return None
        try:
            return Plan(**json.loads(path.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise InputError(f"{path} cannot be read; add --force to start again.") from error

    def begin(self, plan: Plan) -> None:
        """Write the plan; files that a finished assembly left are removed."""
        shutil.rmtree(self.home, ignore_errors=True)
        write_text(self.home / "plan.json", json.dumps(asdict(plan)))

    def done(self, index: int) -> bool:
        """Whether a batch is complete."""
        return self._home_of(index).is_dir()

    def write(self, index: int, batch: PhotoBatch, rank: int) -> None:
        """Write a finished batch; one that another process has written meanwhile is the same."""
        partial = self.home / f"{rank}-{os.getpid()}.partial"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        for number, image in enumerate(batch.images):
            picture = Image.fromarray(image)  # level 1: three times as fast, a tenth larger
            picture.save(partial / f"{number}.png", compress_level=1)
        if batch.images:
            write_tensors(partial / "params.safetensors", batch.tables, {"format": _FORMAT})
        write_text(partial / "manifest.jsonl", json_lines(batch.lines))
        try:
            partial.rename(self._home_of(index))
        except OSError:
            if not self.done(index):
                raise
            shutil.rmtree(partial, ignore_errors=True)

    def sweep(self, rank: int) -> None:
        """Remove half-written batches of interrupted processes of this rank."""
        for partial in self.home.glob(f"{rank}-*.partial"):
            shutil.rmtree(partial, ignore_errors=True)

    def assemble(self, plan: Plan, note: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Number the images, write the tables and the manifest; returns the manifest's lines.

        note: see `write_tables`. The plan stays until `end`.
        """
        lines = read_manifest(self.folder)[: plan.lines] if plan.lines else []
        lines += plan.problems
        old = read_tables(self.folder) if plan.images else {}
        tables = [{name: table[: plan.images] for name, table in old.items()}] if old else []
        number = plan.images
        for index in plan.batches:
            home = self._home_of(index)
            if (home / "params.safetensors").exists():
                tables.append(read_tensors(home / "params.safetensors", _FORMAT)[0])
            for line in read_manifest(home):
                number = self._place(home, line, number)
                lines.append(line)
        names = tables[0] if tables else ()
        whole = {name: torch.cat([table[name] for table in tables]) for name in names}
        write_tables(self.folder, whole, lines, note)
        return lines

    def _place(self, home: Path, line: dict[str, Any], number: int) -> int:
        """Move the images of a manifest line of a batch to their final names; the next number."""
        for face in line.get("faces", ()):
            if face["status"] != "kept":
                continue
            source, name = home / f"{face['image']}.png", image_name(number)
            target = self.folder / name
            if source.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                source.replace(target)
            face["image"] = name
            number += 1
        return number

    def end(self) -> None:
        """Remove the plan, then the batches."""
        (self.home / "plan.json").unlink(missing_ok=True)
        shutil.rmtree(self.home, ignore_errors=True)

    def _home_of(self, index: int) -> Path:
        return self.home / f"{index:08d}"
