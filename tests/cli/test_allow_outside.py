"""Meshes whose picture lies outside of their folder."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipface_cli.artifacts import Mesh, load_pixels, write_obj
from clipface_cli.cli import app, run


def test_export_follows_a_picture_elsewhere_when_told_to(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    vertices, faces = np.eye(3), np.arange(3)[None]
    mesh = Mesh(vertices, faces, np.eye(3)[:, :2], faces)
    write_obj(tmp_path / "mesh/a.obj", mesh, np.zeros((8, 8, 3), np.uint8))
    (tmp_path / "mesh/a.png").unlink()
    (tmp_path / "mesh/a.mtl").write_text("newmtl skin\nmap_Kd ../b.png\n")
    Image.new("RGB", (8, 8), (1, 2, 3)).save(tmp_path / "b.png")
    command = ["export", str(tmp_path / "mesh/a.obj"), "-o", str(tmp_path / "out.obj")]
    assert run(app, command) == 2
    assert "--allow-outside" in capsys.readouterr().err
    assert not (tmp_path / "out.obj").exists()
    assert run(app, [*command, "--allow-outside"]) == 0
    assert (load_pixels(tmp_path / "out.png") == (1, 2, 3)).all()
