"""sample -> edit -> export with the installed command, and what it says about nonsense."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import trimesh
from safetensors import safe_open

from clipface_cli.artifacts import load_pixels, read_obj, read_sidecar, sidecar_path
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command

MADE = ("clipface.safetensors", "mtl", "obj", "png")


def test_sample_writes_everything(heads: Path) -> None:
    names = {path.name for path in heads.iterdir()}
    assert names == {
        "heads.png",
        "run.json",
        *(f"{head}.{ending}" for head in ("000", "001") for ending in MADE),
    }
    run = json.loads((heads / "run.json").read_text())
    assert run["settings"]["seed"] == 3
    assert run["command"].startswith("clipface sample -n 2")
    first, second = (read_obj(heads / f"{head}.obj") for head in ("000", "001"))
    assert np.abs(first.vertices - second.vertices).max() > 1e-3
    assert load_pixels(heads / "000.png").std() > 5


def test_a_longer_series_begins_the_same(clipface, heads: Path, folder: Path) -> None:
    clipface("sample", "-n", "1", "--seed", "3", "-o", "again")
    for ending in MADE:
        again, first = (folder / f / f"000.{ending}" for f in ("again", "heads"))
        assert again.read_bytes() == first.read_bytes()


def test_edit_writes_everything(edited: Path) -> None:
    assert {path.name for path in edited.parent.iterdir()} == {
        "before_after.png",
        "progress.csv",
        "run.json",
        *(f"edited.{ending}" for ending in MADE),
    }
    sidecar = read_sidecar(sidecar_path(edited))
    assert [entry["prompt"] for entry in sidecar.history] == ["zombie"]
    run = json.loads((edited.parent / "run.json").read_text())
    assert run["results"]["similarity"] > 0
    assert any(name.endswith("000.obj") for name in run["inputs"])


def test_edit_twice_gives_the_same_bytes(clipface, edited: Path, folder: Path) -> None:
    done = clipface("edit", "heads/000.obj", "--prompt", "zombie", "--steps", "4", "-o", "twice")
    assert done.returncode == 0, done.stderr
    for name in (*(f"edited.{ending}" for ending in MADE), "before_after.png"):
        assert (folder / "twice" / name).read_bytes() == (edited.parent / name).read_bytes()


def test_edit_without_sidecar(clipface, heads: Path, folder: Path) -> None:
    """A mesh from elsewhere is fitted, its texture inverted."""
    (folder / "foreign").mkdir()
    for ending in ("obj", "mtl", "png"):
        shutil.copy(heads / f"001.{ending}", folder / "foreign")
    done = clipface(
        "edit", "foreign/001.obj", "--prompt", "red lips", "--steps", "2", "--json", "-o", "lips"
    )
    assert done.returncode == 0, done.stderr
    made = read_obj(folder / json.loads(done.stdout)["path"])
    assert np.abs(made.vertices - read_obj(heads / "001.obj").vertices).max() < 0.02


def test_texture_only_keeps_the_vertices(clipface, heads: Path, folder: Path) -> None:
    done = clipface(
        "edit", "heads/000.obj", "-p", "laughing", "--steps", "2", "--texture-only", "-o", "tex"
    )
    assert done.returncode == 0, done.stderr
    made, given = read_obj(folder / "tex/edited.obj"), read_obj(heads / "000.obj")
    np.testing.assert_array_equal(made.vertices, given.vertices)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["heads/000.obj", "--prompt", ""], "--prompt is empty"),
        (["heads/000.obj", "--prompt", "word " * 1000], "more than 200 words"),
        (["heads/000.obj", "-p", "red", "--only", "toes"], "choose from beard, brows"),
        (["heads/000.obj", "--undo", "--strength", "0.5"], "take no options of how far"),
        (["heads/000.obj", "--undo"], "no edit to undo"),
        (["heads/000.obj", "--undo", "-p", "zombie"], "--undo takes the last edit back"),
        (["heads/000.obj", "-p", "zombie", "--seeds", "few"], "'few' is no seed"),
        (["heads/000.obj", "-p", "zombie", "--weights", "beauty=1"], "directional, similarity"),
        (["heads/999.obj", "--prompt", "zombie"], "does not exist"),
        (["wrong/cube.obj", "--prompt", "zombie"], "vertices"),
        (["wrong/000.obj", "--prompt", "zombie"], "cannot be read"),
        (["wrong/bare.obj", "--prompt", "zombie"], "texture"),
        (["heads/000.obj", "--prompt", "zombie", "-o", "heads"], "not empty"),
        (["heads/000.obj", "--prompt", "zombie", "--guidance", "nonsense"], "nonsense"),
        (["heads/000.obj", "--prompt", "zombie", "--generator", "nowhere"], "nowhere"),
        (["heads/000.obj", "--prompt", "zombie", "--device", "cuda"], "cuda"),
    ],
)
def test_wrong_input(
    heads: Path,
    folder: Path,
    arguments: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _make_wrong_files(heads, folder / "wrong")
    monkeypatch.chdir(folder)
    assert run_command(app, ["edit", *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert "Traceback" not in err
    assert not list(folder.glob("*-zombie"))


def _make_wrong_files(heads: Path, wrong: Path) -> None:
    wrong.mkdir(exist_ok=True)
    trimesh.creation.box().export(wrong / "cube.obj")
    shutil.copy(heads / "000.png", wrong / "cube.png")
    shutil.copy(heads / "000.obj", wrong)
    shutil.copy(heads / "000.mtl", wrong)
    (wrong / "000.png").write_bytes(b"not a picture")
    shutil.copy(heads / "000.obj", wrong / "bare.obj")
    text = (wrong / "bare.obj").read_text().replace("mtllib 000.mtl\n", "")
    (wrong / "bare.obj").write_text(text)


def test_damaged_sidecar(clipface, heads: Path, folder: Path) -> None:
    (folder / "damaged").mkdir()
    for ending in MADE:
        shutil.copy(heads / f"000.{ending}", folder / "damaged")
    (folder / "damaged/000.clipface.safetensors").write_bytes(b"garbage")
    done = clipface("edit", "damaged/000.obj", "--prompt", "zombie")
    assert done.returncode == 2
    assert "000.clipface.safetensors" in done.stderr


def test_sidecar_is_plain_safetensors(heads: Path) -> None:
    with safe_open(heads / "000.clipface.safetensors", "np") as file:
        assert file.metadata()["format"] == "clipface-mesh"
        assert set(file.keys()) == {"shape", "expression", "pose", "w"}
