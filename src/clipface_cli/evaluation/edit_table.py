"""The table of a comparison: the paper's Table 2, a row a method."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import mean, stdev
from typing import Any

import torch
from torch import Tensor

from clipface_cli.evaluation.cells import Cell
from clipface_cli.evaluation.compare import Study
from clipface_cli.evaluation.methods import METHODS
from clipface_cli.evaluation.scorer import Scorer
from clipface_cli.metrics import (
    Row,
    Table,
    Value,
    frechet_distance,
    kernel_distance_with_error,
    paper_rows,
)

COLUMNS = (
    "FID",
    "KID",
    "CLIP score",
    "direction",
    "identity",
    "seconds",
    "steps",
    "MiB",
    "edits",
)
_FEWEST = 3  # renders that a distance needs


def edit_table(study: Study, scorer: Scorer, real: Tensor | None) -> Table:
    """Mean and deviation over heads and prompts.

    real (N, D): features of real images; None where there are none, then without FID and KID.
    """
    rows = []
    for method in study.methods:
        cells = [cell for cell in study.cells if cell.method == method]
        rows.append(_row(METHODS[method].title, cells, real))
    notes = _notes(study, scorer, real) + _method_notes(study)
    if scorer.features.name != "inception":
        notes.append("Figures of other features than Inception's cannot be set beside the paper's.")
    return Table("Edits", COLUMNS, [*rows, *paper_rows("edits")], notes)


def _notes(study: Study, scorer: Scorer, real: Tensor | None) -> list[str]:
    """How the numbers came about."""
    budget = ", ".join(f"{value:g} {name}" for name, value in vars(study.budget).items() if value)
    images = "no real images (--dataset)" if real is None else f"{len(real)} real images"
    sizes = f"{len(study.heads)} heads and {len(study.prompts)} prompts"
    return [
        f"Budget of each edit: {budget or 'the steps of each method'}.",
        f"Mean ± deviation over {sizes}; of KID the standard error.",
        f"FID and KID: features of {scorer.features.name}, {images}.",
        f"CLIP score: cosine of render and prompt by {_names(scorer)}.",
        "Direction: cosine of eq. 7 by the same.",
        f"Identity: cosine before and after by {scorer.identity.name}.",
    ]


def _names(scorer: Scorer) -> str:
    return " and ".join(model.name for model in scorer.models)


def _method_notes(study: Study) -> list[str]:
    """Notes of the methods, once each, headed by their titles."""
    notes: dict[str, None] = {}
    for cell in study.cells:
        record = cell.record() or {}
        notes |= {f"{METHODS[cell.method].title}: {note}": None for note in record.get("notes", [])}
    return list(notes)


def _row(title: str, cells: Sequence[Cell], real: Tensor | None) -> Row:
    records = [record for cell in cells if (record := cell.record())]
    done = [record for record in records if record["status"] == "done"]
    values: dict[str, Value | str] = {"edits": f"{len(done)} of {len(cells)}"}
    if not done:
        errors = {record["error"] for record in records}
        return Row(f"{title}: failed ({'; '.join(sorted(errors))})" if errors else title, values)
    values |= {
        "CLIP score": _spread(done, "clip_score"),
        "direction": _spread(done, "direction"),
        "identity": _spread(done, "identity"),
        "seconds": _spread(done, "seconds", 1),
        "steps": Value(mean(record["steps"] for record in done), digits=0),
        "MiB": Value(max(record["memory_mib"] for record in done), digits=0),
    }
    if real is not None:
        values |= _distances(cells, real)
    return Row(title, values)


def _distances(cells: Sequence[Cell], real: Tensor) -> dict[str, Value | str]:
    fake = torch.cat([cell.features() for cell in cells if cell.done])
    if min(len(fake), len(real)) < _FEWEST:
        return {}
    kernel = kernel_distance_with_error(real, fake)
    return {
        "FID": Value(frechet_distance(real, fake), digits=2),
        "KID": Value(kernel.value, kernel.error),
    }


def _spread(records: Sequence[dict[str, Any]], name: str, digits: int = 3) -> Value:
    values = [float(record[name]) for record in records]
    return Value(mean(values), stdev(values) if len(values) > 1 else None, digits)
