"""Progress on a pipe: plain lines, the last step always among them."""

import pytest

from clipface_cli.cli import progress


def test_lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "EVERY", 0.0)
    with progress.progress("Editing", 3) as advance:
        for done in range(3):
            advance(done + 1, "loss 0.5")
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 3
    assert lines[-1].startswith("Editing 3/3")
    assert lines[-1].endswith("loss 0.5")


def test_seldom(capsys: pytest.CaptureFixture[str]) -> None:
    with progress.progress("Editing", 1000) as advance:
        for done in range(1000):
            advance(done + 1, "")
    assert len(capsys.readouterr().err.splitlines()) == 1
