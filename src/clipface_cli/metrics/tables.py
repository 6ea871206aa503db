"""Tables of measured values, and the rows that the paper prints."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any, Literal

from clipface_cli.artifacts.toml import read_toml

_PAPER = Path(__file__).parent / "paper_tables.toml"
Source = Literal["measured", "paper"]


@dataclass(frozen=True)
class Value:
    """A number with its error or deviation, None where there is none, and how many digits count."""

    mean: float
    error: float | None = None
    digits: int = 3

    def __str__(self) -> str:
        text = f"{self.mean:.{self.digits}f}"
        return text if self.error is None else f"{text} ± {self.error:.{self.digits}f}"


@dataclass(frozen=True)
class Row:
    """values: by column, those missing are shown as a dash; source: measured, or the paper's."""

    name: str
    values: dict[str, Value | str] = field(default_factory=dict)
    source: Source = "measured"

    @property
    def label(self) -> str:
        """The name, marked where the figures are the paper's own."""
        return f"{self.name} (paper's figures)" if self.source == "paper" else self.name


@dataclass(frozen=True)
class Table:
    """notes: sentences that stand below, such as whose features were compared."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Row]
    notes: Sequence[str] = ()

    def _cells(self) -> list[list[str]]:
        return [
            [row.label, *(str(row.values.get(column, "–")) for column in self.columns)]
            for row in self.rows
        ]

    def markdown(self) -> str:
        """A table that also reads well in a terminal."""
        cells = [["", *self.columns], *self._cells()]
        widths = [max(len(row[k]) for row in cells) for k in range(len(cells[0]))]
        lines = [
            "| " + " | ".join(text.ljust(w) for text, w in zip(row, widths, strict=True)) + " |"
            for row in cells
        ]
        lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
        return "\n".join([self.title, "", *lines, "", *self.notes])

    def html(self) -> str:
        """Rows of the paper have the class `paper`."""
        lines = [f"<h2>{escape(self.title)}</h2><table><tr><th>"]
        lines += [f"<th>{escape(column)}" for column in self.columns]
        for row, cells in zip(self.rows, self._cells(), strict=True):
            lines.append(f"<tr class={row.source}>")
            lines += [f"<td>{escape(text)}" for text in cells]
        notes = [f"<p>{escape(note)}" for note in self.notes]
        return "\n".join([*lines, "</table>", *notes])

    def csv(self) -> str:
        """A column for every number and one for every error."""
        file = io.StringIO()
        writer = csv.writer(file, lineterminator="\n")
        names = [name for column in self.columns for name in (column, f"{column} error")]
        writer.writerow(["name", "source", *names])
        for row in self.rows:
            cells: list[object] = []
            for column in self.columns:
                value = row.values.get(column)
                cells += [value.mean, value.error] if isinstance(value, Value) else [value, None]
            writer.writerow([row.name, row.source, *cells])
        return file.getvalue()

    def as_dicts(self) -> list[dict[str, Any]]:
        """Rows for JSON."""
        return [
            {"name": row.name, "source": row.source}
            | {
                column: {"mean": value.mean, "error": value.error}
                if isinstance(value, Value)
                else value
                for column, value in row.values.items()
            }
            for row in self.rows
        ]


def paper_rows(table: Literal["textures", "edits"]) -> list[Row]:
    """The rows of the paper's Table 1 (textures) or Table 2 (edits)."""
    rows = []
    for name, columns in read_toml(_PAPER)[table].items():
        values: dict[str, Value | str] = {
            column: Value(*numbers) if isinstance(numbers, list) else Value(numbers)
            for column, numbers in columns.items()
        }
        rows.append(Row(name, values, "paper"))
    return rows
