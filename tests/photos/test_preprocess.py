"""Folders that may be written, before any photo is read."""

import json
from pathlib import Path

import pytest
from PIL import Image

from clipface_cli.errors import InputError
from clipface_cli.photos.preprocess import Preprocessing, Settings, Summary, check, claim
from clipface_cli.photos.unfinished import UnfinishedDataset


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    Image.new("RGB", (8, 8)).save(tmp_path / "photos/a.png")
    return tmp_path / "photos"


def test_an_interrupted_run_is_continued_only_with_its_settings(
    photos: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    claim(out, force=False)
    plan = Preprocessing(photos, out, Settings()).plan
    Image.new("RGB", (8, 8)).save(photos / "later.png")
    claim(out, force=False)
    assert Preprocessing(photos, out, Settings()).plan == plan  # photos as they were then
    with pytest.raises(InputError, match="resolution 512, not 64"):
        Preprocessing(photos, out, Settings(resolution=64))
    claim(out, force=True)
    plan = Preprocessing(photos, out, Settings(resolution=64)).plan
    assert plan.sources == ["a.png", "later.png"]


def test_other_folders_are_left_alone(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine/thesis.txt").write_text("years of work")
    with pytest.raises(InputError, match="not empty"):
        claim(tmp_path / "mine", force=False)
    claim(tmp_path / "mine", force=True)
    assert (tmp_path / "mine/thesis.txt").exists()
    (tmp_path / "mine/dataset.json").write_text(json.dumps({"format": "clipface-dataset"}))
    claim(tmp_path / "mine", force=False)  # a dataset, but not one of photos
    with pytest.raises(InputError, match="choose another folder"):
        Preprocessing(photos, tmp_path / "mine", Settings())


def test_wrong_input_is_found_before_anything_is_overwritten(photos: Path) -> None:
    with pytest.raises(InputError, match="no folder"):
        check(photos / "missing", Settings())
    with pytest.raises(InputError, match=r"nowhere\.pth"):
        check(photos, Settings(parser="bisenet:nowhere.pth"))
    with pytest.raises(InputError, match="no encoder"):
        check(photos, Settings(encoder="magic"))


def test_ranks_cannot_force(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RANK", "0")
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(InputError, match="--force"):
        claim(tmp_path, force=True)


def test_a_folder_without_photos(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no photos"):
        Preprocessing(tmp_path / "empty", tmp_path / "out", Settings())


def test_a_broken_plan_says_how_to_go_on(photos: Path, tmp_path: Path) -> None:
    (tmp_path / "out/.unfinished").mkdir(parents=True)
    (tmp_path / "out/.unfinished/plan.json").write_text("{")
    with pytest.raises(InputError, match="--force"):
        UnfinishedDataset(tmp_path / "out").plan()


def test_summary() -> None:
    kept, dropped = {"status": "kept"}, {"status": "rejected", "reason": "blurred"}
    lines = [
        {"status": "kept", "faces": [kept, kept, dropped]},
        {"status": "rejected", "reason": "blurred", "faces": [dropped]},
        {"status": "rejected", "reason": "no face"},
        {"status": "failed", "error": "x"},
    ]
    assert Summary.of(lines) == Summary(2, 1, {"blurred": 1, "no face": 1}, 1)
