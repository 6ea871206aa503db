"""Methods side by side on the same heads and prompts: the paper's Table 2 and its ablations."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from clipface_cli.artifacts import file_hash, load_pixels, save_image
from clipface_cli.avatar import Subject, load_subject, save_subject
from clipface_cli.baselines import Budget
from clipface_cli.edit import EditModels
from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.evaluation.cells import MESH, PICTURE, Cell, plan
from clipface_cli.evaluation.claim import claim_settings
from clipface_cli.evaluation.memory import peak_memory
from clipface_cli.evaluation.methods import METHODS, Outcome, method_of
from clipface_cli.evaluation.scorer import Scorer
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portrait

STUDY = "study.json"
PORTRAIT = 320  # pixels of the pictures on sheets
ORIGINAL = "original.png"

Report = Callable[[int, str], None]
"""Called with the number of cells done and what is being worked on."""


@dataclass(frozen=True)
class Study:
    """Inputs of a comparison.

    heads: files by name; facts: settings that decide the numbers, such as the guidance; cells of an
    earlier run with other facts are computed again.
    """

    folder: Path
    heads: dict[str, Path]
    prompts: Sequence[str]
    methods: Sequence[str]
    budget: Budget
    seed: int = 0
    facts: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """InputError for an unknown method."""
        for name in self.methods:
            method_of(name)

    @property
    def cells(self) -> list[Cell]:
        """All of them, in the order of work."""
        return plan(self.folder, self.heads, self.prompts, self.methods)

    @property
    def failures(self) -> list[dict[str, str]]:
        """Method, head, prompt and error of the cells that failed."""
        records = [cell.record() or {} for cell in self.cells]
        return [
            {name: record[name] for name in ("method", "head", "prompt", "error")}
            for record in records
            if record.get("status") == "failed"
        ]

    def claim(self, force: bool) -> None:
        """Make the folder this study's; heads, prompts and methods may be added to an earlier run.

        Raises InputError where the folder holds a study with other settings and `force` is off.
        """
        settings = {"budget": vars(self.budget), "seed": self.seed, **self.facts}
        heads = {name: file_hash(mesh) for name, mesh in self.heads.items()}
        claim_settings(self.folder, STUDY, settings, heads, force)
        if force:
            for cell in self.cells:
                cell.forget()


class Comparison:
    """Runs the cells of a study, skipping those that an earlier run has finished."""

    def __init__(self, study: Study, head: HeadModel, models: EditModels, scorer: Scorer) -> None:
        """head: on the CPU, for files and portraits; models and scorer: where edits compute."""
        self.study, self.head, self.models, self.scorer = study, head, models, scorer
        self._person: tuple[str, Subject] | None = None

    def run(self, report: Report) -> None:
        """Every cell; one that fails is recorded as failed and stops nothing.

        An interrupt leaves the cell that it meets undone and goes on to the caller.
        """
        for done, cell in enumerate(self.study.cells):
            title = f"{cell.method}: {cell.prompt}, {cell.head}"
            report(done, title)
            if cell.done:
                continue
            try:
                self._run(cell, partial(_report_step, report, done, title))
            except (ClipfaceError, RuntimeError, ValueError, ArithmeticError, MemoryError) as error:
                cell.fail(str(error) or type(error).__name__)
        report(len(self.study.cells), "")

    def original(self, name: str) -> Path:
        """A portrait of a head as it came."""
        path = self.study.folder / "heads" / name / ORIGINAL
        if not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            self._portray(path, self._load(name))
        return path

    def _run(self, cell: Cell, report: Callable[[int, float], None]) -> None:
        person = self._load(cell.head)
        with peak_memory(self.models.device) as peak:
            outcome = METHODS[cell.method](
                person, cell.prompt, self.models, self.study.budget, self.study.seed, report
            )
        if outcome.interrupted:
            raise KeyboardInterrupt
        _check_finite(outcome)
        scores = self.scorer.score(person, outcome.subject, cell.prompt)
        edited = outcome.subject.to("cpu")
        save_subject(cell.folder / MESH, replace(edited, earlier=[]), self.head)
        self._portray(cell.folder / PICTURE, edited)
        cell.finish(
            scores.features,
            self.scorer.features.name,
            {
                "clip_score": scores.clip_score,
                "direction": scores.direction,
                "identity": scores.identity,
                "seconds": outcome.seconds,
                "steps": len(outcome.losses),
                "loss": [outcome.losses[0], outcome.losses[-1]] if outcome.losses else [],
                "memory_mib": peak.gpu_mib or peak.mib,
                "sentences": outcome.sentences,
                "settings": outcome.settings,
                "notes": outcome.notes,
            },
        )

    def _load(self, name: str) -> Subject:
        if self._person is None or self._person[0] != name:
            person = load_subject(self.study.heads[name], self.head, self.models.generator)
            self._person = name, person.to(self.models.device)
        return self._person[1]

    def _portray(self, path: Path, person: Subject) -> None:
        person = person.to("cpu")
        vertices = self.head.pose_head(person.params)[0]
        picture = portrait(self.head, vertices, person.texture[0], resolution=PORTRAIT)
        save_image(path, picture)


def find_heads(paths: Sequence[Path]) -> dict[str, Path]:
    """OBJ files by name, of files and of folders of them.

    Raises InputError where there are none, or two have one name.
    """
    found: dict[str, Path] = {}
    for path in paths:
        meshes = sorted(path.glob("*.obj")) if path.is_dir() else [path]
        if not meshes or not path.exists():
            raise InputError(f"{path} holds no OBJ; give textured heads such as `sample` writes.")
        for mesh in meshes:
            if found.setdefault(mesh.stem, mesh) != mesh:
                raise InputError(f"{found[mesh.stem]} and {mesh} have one name; rename one.")
    return found


def _report_step(report: Report, done: int, title: str, step: int, loss: float) -> None:
    report(done, f"{title}: step {step}, loss {loss:.3f}")


def _check_finite(outcome: Outcome) -> None:
    """ClipfaceError where the method diverged."""
    values = (outcome.subject.texture, outcome.subject.params.expression)
    if not all(bool(torch.isfinite(value).all()) for value in values):
        raise ClipfaceError("The optimisation diverged: its texture or expression is not finite.")


def pictures(cells: Sequence[Cell]) -> dict[tuple[str, str, str], Any]:
    """Portraits (H, W, 3) uint8 of finished cells by (prompt, head, method)."""
    return {
        (cell.prompt, cell.head, cell.method): load_pixels(cell.folder / PICTURE)
        for cell in cells
        if cell.done
    }
