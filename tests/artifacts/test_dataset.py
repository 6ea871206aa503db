"""The training set's files."""

from pathlib import Path

import pytest
import torch

from clipface_cli.artifacts.dataset import (
    image_name,
    read_manifest,
    read_note,
    read_tables,
    write_tables,
)
from clipface_cli.errors import InputError


def test_names() -> None:
    assert image_name(0) == "images/00000/000000000.png"
    assert image_name(123_456) == "images/00123/000123456.png"


def test_round_trip(tmp_path: Path) -> None:
    lines = [{"source": "a\udcff.jpg", "status": "kept"}, {"source": "ü.png", "status": "failed"}]
    tables = {"camera": torch.rand(2, 3), "shape": torch.rand(2, 5)}
    write_tables(tmp_path, tables, lines, {"head": "h", "resolution": 64})
    assert read_manifest(tmp_path) == lines
    assert torch.equal(read_tables(tmp_path)["shape"], tables["shape"])
    note = {"format": "clipface-dataset", "version": 1, "count": 2, "head": "h", "resolution": 64}
    assert read_note(tmp_path) == note


def test_nothing_and_nonsense(tmp_path: Path) -> None:
    assert read_note(tmp_path) is None
    write_tables(tmp_path, {}, [], {"head": "h"})
    assert read_note(tmp_path)["count"] == 0
    assert not (tmp_path / "params.safetensors").exists()
    for text in ("{", '{"format": "something"}', "[]"):
        (tmp_path / "dataset.json").write_text(text)
        with pytest.raises(InputError, match="choose another folder"):
            read_note(tmp_path)
