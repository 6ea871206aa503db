"""The head option from `sample` to `edit` and `export`, on a stand-in for FLAME."""

import json
from importlib import import_module
from pathlib import Path

import pytest
import trimesh

from clipface_cli.artifacts import read_obj, read_sidecar
from clipface_cli.cli import app, run


@pytest.mark.usefixtures("flame_home")
def test_flame_from_sample_to_edit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(import_module("clipface_cli.cli.sample"), "PORTRAIT", 64)
    monkeypatch.setattr(import_module("clipface_cli.edit.output"), "PORTRAIT", 64)
    mesh, out = tmp_path / "heads" / "000.obj", tmp_path / "out"
    sample = ["sample", "-n", "1", "--head", "flame", "-o", str(mesh.parent)]
    assert run(app, [*sample, "--expression", "jawOpen=0.3"]) == 0
    assert json.loads((mesh.parent / "run.json").read_text())["settings"]["head"] == "flame"
    sidecar = read_sidecar(mesh.with_suffix(".clipface.safetensors"))
    assert sidecar.head == "flame"
    assert sidecar.head_id.startswith("flame-")
    edit = ["edit", str(mesh), "--prompt", "zombie", "--steps", "2", "-o", str(out), "--json"]
    assert run(app, edit) == 0
    after = read_obj(out / "edited.obj")
    assert len(after.vertices) == 5023
    assert after.faces.shape == after.uv_faces.shape == (9976, 3)
    assert read_sidecar(out / "edited.clipface.safetensors").history[0]["prompt"] == "zombie"
    glb = tmp_path / "e.glb"
    assert run(app, ["export", str(out / "edited.obj"), "-o", str(glb)]) == 0
    assert len(trimesh.load(glb, force="mesh").faces) == 9976
    capsys.readouterr()
    assert run(app, ["edit", str(mesh), "--prompt", "zombie", "--head", "builtin"]) == 2
    assert "5023 vertices" in capsys.readouterr().err


def test_unknown_head(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["sample", "--head", "smpl", "-o", str(tmp_path / "x")]) == 2
    assert "clipface assets import" in capsys.readouterr().err
    assert not (tmp_path / "x").exists()
