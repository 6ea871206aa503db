"""`clipface assets` on the command line: help, table, wrong input."""

import subprocess
import sys
from pathlib import Path

import pytest

from clipface_cli.cli import app, run


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["import", "nope.pkl"], "does not exist"),
        (["import", __file__], "no format that ClipFace knows"),
        (["import", __file__, "--kind", "flam"], "no kind 'flam'"),
        (["import", __file__, "-o", "out.pkl"], "does not end in .safetensors"),
        (["check", "nope"], "does not exist"),
        (["where", "nope"], "does not exist"),
        (["where", "flame"], "assets import FILE"),
    ],
)
def test_wrong_input(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert run(app, ["assets", *arguments]) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_the_list_needs_no_torch() -> None:
    code = (
        "import sys; from clipface_cli.cli import app, run; run(app, ['assets', 'list']);"
        "sys.exit('torch' if 'torch' in sys.modules else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert "builtin-head" in done.stdout
