"""Errors of `clipface animate` about sequences it cannot use."""

from pathlib import Path

import numpy as np
import pytest

from clipface_cli.artifacts.sequence import Sequence, write_sequence
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command


def _sequence(path: Path, expression: np.ndarray, fps: float = 25.0) -> str:
    pose = np.zeros((len(expression), 6), np.float32)
    write_sequence(path, Sequence(expression.astype(np.float32), pose, fps))
    return str(path)


@pytest.fixture
def sequences(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "film.mp4").write_bytes(b"no film")
    (tmp_path / "notes.txt").write_text("no sequence")
    (tmp_path / "units.csv").write_text("wink,nod\n1,2\n")
    good = np.zeros((3, 50))
    return {
        "other head": _sequence(tmp_path / "other.npz", np.zeros((3, 100))),
        "empty": _sequence(tmp_path / "empty.npz", np.zeros((0, 50))),
        "nan": _sequence(tmp_path / "nan.npz", np.full((3, 50), np.nan)),
        "no rate": _sequence(tmp_path / "rate.npz", good, 0.0),
        "film": str(tmp_path / "film.mp4"),
        "text": str(tmp_path / "notes.txt"),
        "good": _sequence(tmp_path / "good.npz", good),
        "csv": str(tmp_path / "units.csv"),
        "missing": "nowhere",
        "nothing": "",
    }


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("other head", [], "another head"),
        ("empty", [], "empty.npz"),
        ("nan", [], "not finite"),
        ("no rate", [], "fps must be positive"),
        ("film", [], "film.mp4"),
        ("text", [], "notes.txt"),
        ("missing", [], "laugh, angry, speech, yawn"),
        ("csv", [], "units.csv: Unknown ARKit unit"),
        ("nothing", [], "laugh, angry, speech, yawn"),
        ("good", ["--fps", "0"], "--fps must be positive"),
        ("good", ["--fps", "inf"], "--fps must be positive"),
        ("good", ["--prompt", " "], "--prompt is empty"),
        ("good", ["--mapper", "run"], "either --prompt TEXT or --mapper"),
    ],
)
def test_wrong_input(
    sequences: dict[str, str],
    name: str,
    options: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    before = set(tmp_path.iterdir())
    prompt = [] if "--prompt" in options else ["--prompt", "laughing"]
    arguments = ["animate", sequences[name], "--mesh", "head.obj", *prompt, *options]
    assert run_command(app, arguments) == 2
    out, err = capsys.readouterr()
    assert words in err
    assert "Traceback" not in err
    assert not out
    assert set(tmp_path.iterdir()) == before
