import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

from clipface_cli.errors import InputError
from clipface_cli.synth import (
    ATTRIBUTE_SIZE,
    Canvas,
    contact_sheet,
    corpus,
    read_attributes,
    read_people,
    write_corpus,
    write_dataset,
)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, canvas: Canvas) -> Path:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(corpus, "_canvas", lambda: canvas)
        return write_corpus(tmp_path_factory.mktemp("corpus"), 3, seed=4)


def test_corpus_files(written: Path) -> None:
    assert len(read_people(written)) == 3
    assert read_attributes(written)[1].shape == (3, ATTRIBUTE_SIZE)
    names = sorted(path.name for path in (written / "uv").iterdir())
    assert names == ["000000.png", "000001.png", "000002.png"]


def test_corpus_resumes_and_grows(
    written: Path, canvas: Canvas, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(corpus, "_canvas", lambda: canvas)
    first = written / "uv" / "000000.png"
    stamp = first.stat().st_mtime_ns
    write_corpus(written, 4, seed=4)
    assert first.stat().st_mtime_ns == stamp
    assert len(read_people(written)) == 4
    with pytest.raises(InputError, match="another seed"):
        write_corpus(written, 4, seed=5)


def test_dataset(written: Path, tmp_path: Path) -> None:
    out = write_dataset(written, tmp_path / "data", 3, resolution=64, seed=0)
    params = load_file(out / "params.safetensors")
    assert params["shape"].shape == (3, 100)
    assert params["expression"].shape == (3, 50)
    assert params["pose"].shape == (3, 6)
    assert params["camera"].shape == (3, 3)
    lines = [json.loads(line) for line in (out / "captions.jsonl").read_text().splitlines()]
    assert lines[0]["image"] == "images/00000/000000000.png"
    assert all(line["captions"] for line in lines)
    assert json.loads((out / "dataset.json").read_text())["count"] == 3
    image = np.array(Image.open(out / lines[0]["image"]))
    assert image.shape == (64, 64, 3)
    assert (image[0, 0] == 255).all()
    assert image[32, 32].min() < 250


def test_missing_corpus_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"people\.jsonl"):
        read_people(tmp_path)


def test_contact_sheet(tmp_path: Path) -> None:
    images = [np.zeros((20, 30, 3), np.uint8)] * 3
    path = contact_sheet(images, ["a", "b", "c"], tmp_path / "sheet.png", columns=2)
    assert Image.open(path).size == (60, 76)


def test_dataset_of_other_settings_is_kept(written: Path, tmp_path: Path) -> None:
    write_dataset(written, tmp_path, 1, resolution=32, seed=0)
    with pytest.raises(InputError, match="resolution"):
        write_dataset(written, tmp_path, 1, resolution=64, seed=0)
