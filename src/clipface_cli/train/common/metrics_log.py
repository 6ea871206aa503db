"""metrics.csv of a run, and the same values for TensorBoard where it is installed."""

import csv
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clipface_cli.artifacts import write_text


class MetricsLog:
    """One row a report; one column is `step`, and later rows may add columns."""

    def __init__(self, run: Path) -> None:
        self.path = run / "metrics.csv"
        self._board: Any = None
        self._board_folder = run / "tensorboard"

    def add(self, values: Mapping[str, float]) -> None:
        """Append a row."""
        self._write([*self._rows(), {k: f"{v:.6g}" for k, v in values.items()}])
        self._write_tensorboard(values)

    def drop_after(self, step: int) -> None:
        """Remove rows of later steps, which a resumed run writes again."""
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

    def _write_tensorboard(self, values: Mapping[str, float]) -> None:
        if self._board is None:
            try:
                from torch.utils.tensorboard import SummaryWriter

                self._board = SummaryWriter(self._board_folder)
            except ImportError:
                self._board = False
        if self._board:
            for name, value in values.items():
                self._board.add_scalar(name, value, int(values["step"]))
            self._board.flush()
