"""metrics.csv of a run, and the same values for TensorBoard where it is installed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipface_cli.artifacts import write_text


class MetricsLog:
    """One row a report; `step` is among the columns, and columns may join later."""

    def __init__(self, run: Path) -> None:
        self.path = run / "metrics.csv"
        self._board: Any = None
        self._boards = run / "tensorboard"

    def add(self, values: Mapping[str, float]) -> None:
        """Append a row."""
        self._write([*self._rows(), {k: f"{v:.6g}" for k, v in values.items()}])
        self._show(values)

    def cut(self, step: int) -> None:
        """Forget rows of later steps, which a resumed run will write again."""
        if self.path.exists():
            self._write([row for row in self._rows() if int(row["step"]) <= step])

    def _rows(self) -> list[dict[str, str]]:
        if not self.path.exists():
            return []
        with self.path.open(newline="", encoding="utf-8") as file:
            return list(csv.DictReader(file))

    def _write(self, rows: list[dict[str, str]]) -> None:
        text = io.StringIO()
        names = list(dict.fromkeys(name for row in rows for name in row))
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(self.path, text.getvalue())

    def _show(self, values: Mapping[str, float]) -> None:
        if self._board is None:
            try:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(self._boards)
            except ImportError:
                self._board = False
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, int(values["step"]))
            self._board.flush()
