"""A comparison as one HTML file that opens offline, and a contact sheet for every prompt."""

from __future__ import annotations

import base64
import io
import json
from html import escape
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import Pixels, contact_sheet, load_pixels, save_image, write_text
from clipface_cli.evaluation.cells import PICTURE, Cell, prompt_folders
from clipface_cli.evaluation.compare import PORTRAIT, Comparison, Study, pictures
from clipface_cli.evaluation.edit_table import edit_table
from clipface_cli.evaluation.methods import METHODS
from clipface_cli.metrics import Table

_QUALITY = 88  # of the report's JPEG pictures
_BLANK = 235  # grey of a picture that is not there
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:80rem;padding:0 1rem;
color:#2d2a28;background:#faf9f7}
table{border-collapse:collapse;margin:1rem 0}
td,th{padding:.3rem .8rem;text-align:right;border-bottom:1px solid #ddd}
td:first-child,th:first-child{text-align:left}
tr.paper{color:#999}.grid{overflow-x:auto}.grid img{width:10rem;display:block}
.grid td,.grid th{text-align:center;padding:.2rem;border:0;font-weight:normal}
.failed{color:#a33;width:10rem;font-size:13px}
"""


def write_study(
    study: Study, comparison: Comparison, real: Tensor | None
) -> tuple[Table, list[Path]]:
    """report.html, table.md, table.csv, table.json and a contact sheet a prompt; as they stand.

    real (N, D): features of real images, if there are any. The report comes first.
    """
    table = edit_table(study, comparison.scorer, real)
    files = [write_report(study, comparison, table)]
    texts = {
        "table.md": table.markdown() + "\n",
        "table.csv": table.csv(),
        "table.json": json.dumps(table.as_dicts(), indent=2, ensure_ascii=False) + "\n",
    }
    for name, text in texts.items():
        write_text(study.folder / name, text)
        files.append(study.folder / name)
    return table, files + write_sheets(study, comparison)


def write_sheets(study: Study, comparison: Comparison) -> list[Path]:
    """sheets/PROMPT.png: a row a head, the head as it came and a column a method."""
    found = pictures(study.cells)
    blank = np.full((PORTRAIT, PORTRAIT, 3), _BLANK, np.uint8)
    sheets = []
    for prompt, name in prompt_folders(study.prompts).items():
        rows = [
            [
                load_pixels(comparison.original(head)),
                *(found.get((prompt, head, method), blank) for method in study.methods),
            ]
            for head in study.heads
        ]
        columns = ["before", *(METHODS[method].title for method in study.methods)]
        sheets.append(study.folder / "sheets" / f"{name}.png")
        save_image(sheets[-1], contact_sheet(rows, columns, list(study.heads)))
    return sheets


def write_report(study: Study, comparison: Comparison, table: Table) -> Path:
    """report.html with the table, every picture and every failure."""
    cells = {(cell.prompt, cell.head, cell.method): cell for cell in study.cells}
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8><title>Comparison of methods</title>",
        f"<style>{_STYLE}</style><h1>Comparison of methods</h1>",
        table.html(),
    ]
    for prompt in study.prompts:
        parts.append(f"<h2>{escape(prompt)}</h2><div class=grid><table><tr><th><th>before")
        parts += [f"<th>{escape(METHODS[method].title)}" for method in study.methods]
        for head in study.heads:
            parts.append(
                f"<tr><th>{escape(head)}<td>{_image(load_pixels(comparison.original(head)))}"
            )
            parts += [_cell(cells[prompt, head, method]) for method in study.methods]
        parts.append("</table></div>")
    path = study.folder / "report.html"
    write_text(path, "\n".join(parts) + "</html>\n")
    return path


def _cell(cell: Cell) -> str:
    record = cell.record()
    if record is None:
        return "<td class=failed>not run"
    if record["status"] != "done":
        return f"<td class=failed>failed: {escape(record['error'])}"
    score = f"CLIP score {record['clip_score']:.3f}"
    return f"<td>{_image(load_pixels(cell.folder / PICTURE))}{score}"


def _image(pixels: Pixels) -> str:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, format="JPEG", quality=_QUALITY)
    return f'<img src="data:image/jpeg;base64,{base64.b64encode(file.getvalue()).decode()}">'
