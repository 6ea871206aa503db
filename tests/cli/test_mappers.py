"""Mappers, codes and prompts that do not fit: exit code 2, one sentence, and no folder."""

from pathlib import Path

import published
import pytest
import torch

from clipface_cli.avatar import sample_subject, save_subject
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command
from clipface_cli.edit import ExpressionMapper, Mappers, MotionMapper, TextureMapper
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory, head: HeadModel) -> Path:
    """A mesh; motion.pt and plain.pt as published; moving/ and plain/ as we write them; codes."""
    here = tmp_path_factory.mktemp("mappers")
    subject = sample_subject(head, Generator.load("builtin"), 3)
    save_subject(here / "mesh.obj", subject, head)
    published.write_motion_mapper(here / "motion.pt", 1)
    published.write_mapper(here / "plain.pt", 1)
    published.write_mapper(here / "shallow.pt", 2)
    published.write_codes(here / "few", torch.zeros(2, 4, 32))
    (here / "moving").mkdir()
    MotionMapper(1).save(here / "moving/motion_mapper.safetensors")
    (here / "plain").mkdir()
    Mappers(TextureMapper(1), ExpressionMapper()).save(here / "plain", "zombie")
    (here / "prompts.txt").write_text("zombie\n" + "word " * 300)
    return here


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("edit mesh.obj --mapper motion.pt", "it holds motion-mapper, not mapper"),
        ("edit mesh.obj --mapper moving", "moving holds no texture_mapper.safetensors"),
        ("edit mesh.obj --mapper moving/motion_mapper.safetensors", "not texture-mapper"),
        ("edit mesh.obj --mapper shallow.pt", "trained for another generator"),
        ("edit mesh.obj -p zombie --start motion.pt", "it holds motion-mapper, not mapper"),
        ("edit mesh.obj -p zombie --start shallow.pt", "trained for another generator"),
        ("animate laugh --mapper plain.pt", "it holds mapper, not motion-mapper"),
        ("animate laugh --mapper plain", "plain holds no motion_mapper.safetensors"),
        ("animate laugh --mapper plain/texture_mapper.safetensors", "not motion-mapper"),
        ("train-mapper -p zombie --start moving", "moving holds no texture_mapper.safetensors"),
        ("train-mapper -p zombie --start shallow.pt", "trained for another generator"),
        ("train-mapper -p zombie --codes few", "These codes have 4 levels of 32 numbers"),
        ("train-mapper --codes few", "Give one of --prompt TEXT and --prompts FILE"),
        ("train-mapper --prompts prompts.txt", "more than 200 words"),
        ("sample --codes few", "These codes have 4 levels of 32 numbers"),
    ],
)
def test_refused(
    here: Path,
    line: str,
    words: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(here)
    before = set(here.iterdir())
    assert run_command(app, line.split()) == 2
    out, err = capsys.readouterr()
    assert not out
    assert words in err
    assert "Traceback" not in err
    assert set(here.iterdir()) == before
