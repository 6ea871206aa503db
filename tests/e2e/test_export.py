"""`clipface export` through the installed command, and in-process where films would be long."""

import json
from importlib import import_module
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import trimesh
from scipy.spatial import cKDTree

from clipface_cli.artifacts import Mesh, load_pixels, read_obj
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command

turntable = import_module("clipface_cli.viewer.turntable")
portrait_sheet = import_module("clipface_cli.viewer.portrait_sheet")


def _assert_same_triangles(made: trimesh.Trimesh, given: Mesh) -> None:
    """The same corners, in whatever order the format has the triangles."""
    found, expected = (
        np.asarray(mesh.vertices)[mesh.faces].reshape(-1, 9) for mesh in (made, given)
    )
    assert found.shape == expected.shape
    for one, other in ((found, expected), (expected, found)):
        assert cKDTree(one).query(other)[0].max() < 1e-6


@pytest.mark.parametrize("ending", ["obj", "ply", "stl", "glb"])
def test_export(clipface, edited: Path, folder: Path, ending: str) -> None:
    target = f"out/{ending}/face.{ending}"
    done = clipface("export", str(edited), "--format", ending, "-o", target)
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{target}\n"
    peer = trimesh.load_mesh(folder / target, process=False)
    _assert_same_triangles(peer, read_obj(edited))
    assert clipface("export", str(edited), "-o", target).returncode == 2


def test_the_texture_beside_the_output_is_kept(
    heads: Path, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = folder / "out/portrait.ply"
    target.parent.mkdir(exist_ok=True)
    target.with_suffix(".png").write_bytes(b"a portrait of mine")
    line = ["export", str(heads / "000.obj"), "-o", str(target)]
    assert run_command(app, line) == 2
    assert "portrait.png exists" in capsys.readouterr().err
    assert target.with_suffix(".png").read_bytes() == b"a portrait of mine"
    assert run_command(app, [*line, "--force"]) == 0
    assert load_pixels(target.with_suffix(".png")).std() > 5


def test_other_axes_units_and_size(edited: Path, folder: Path) -> None:
    target = folder / "out/unreal.obj"
    options = ["--up", "z", "--units", "cm", "--resolution", "512"]
    assert run_command(app, ["export", str(edited), "-o", str(target), *options]) == 0
    made, given = read_obj(target), read_obj(edited)
    x, y, z = 100 * given.vertices.T
    np.testing.assert_allclose(made.vertices, np.stack([x, -z, y], 1), atol=1e-4)
    large, small = load_pixels(target.with_suffix(".png")), load_pixels(edited.with_suffix(".png"))
    assert large.shape == (512, 512, 3)
    side = small.shape[0]
    again = large.reshape(side, 512 // side, side, 512 // side, 3).mean((1, 3))
    assert np.abs(again - small).mean() < 2


def test_turntable(edited: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turntable, "FRAMES", 4)
    monkeypatch.setattr(turntable, "CHUNK", 2)
    monkeypatch.setattr(turntable, "RESOLUTION", 64)
    target = folder / "out/turn.mp4"
    assert run_command(app, ["export", str(edited), "--turntable", str(target)]) == 0
    reader = imageio_ffmpeg.read_frames(str(target))
    facts = next(reader)
    frames = [np.frombuffer(frame, np.uint8).reshape(64, 64, 3) for frame in reader]
    assert facts["fps"] == turntable.FPS
    assert len(frames) == 4
    assert np.abs(frames[0].astype(int) - frames[2]).mean() > 5  # face and back of the head
    assert run_command(app, ["export", str(edited), "--turntable", str(target)]) == 2


def test_sheet(heads: Path, edited: Path, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = folder / "out/sheet.png"
    meshes = [str(heads / "000.obj"), str(heads / "001.obj"), str(edited)]
    assert run_command(app, ["export", *meshes, "--sheet", str(target), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["heads"] == ["000", "001"]
    assert facts["prompts"] == ["original", "zombie"]
    height, width, _ = load_pixels(target).shape
    assert height > 2 * portrait_sheet.RESOLUTION
    assert width > 2 * portrait_sheet.RESOLUTION


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["-o", "face"], "--format"),
        (["-o", "face.fbx"], "--format"),
        (["-o", "face", "--turntable", "turn.mp4"], "--format"),
        (["--up", "z"], "y up"),
        (["--format", "glb", "--up", "z"], "y up"),
        (["--format", "obj", "-o", "face.ply"], "does not end in .obj"),
        (["--format", "obj", "-o", "face.obj", "--resolution", "8000"], "4096"),
        (["--sheet", "sheet.jpg"], "does not end in .png"),
        (["--turntable", "turn.gif"], "does not end in .mp4"),
    ],
)
def test_wrong_options(
    edited: Path,
    tmp_path: Path,
    options: list[str],
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_command(app, ["export", str(edited), *options]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_several_meshes_need_a_sheet(heads: Path, capsys: pytest.CaptureFixture[str]) -> None:
    meshes = [str(heads / "000.obj"), str(heads / "001.obj")]
    assert run_command(app, ["export", *meshes, "--format", "glb"]) == 2
    assert "--sheet" in capsys.readouterr().err
