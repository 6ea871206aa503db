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


def test_the_first_step_tells_no_rate_and_later_ones_that_of_the_last() -> None:
    rate = progress.Rate(100)
    assert rate.text(60.0, 1) == ""  # compiled for a minute
    assert rate.text(62.0, 2) == "0.5/s, 196 s left"
    for step in range(3, 30):
        told = rate.text(62.0 + 0.1 * step, step)
    assert told == "10.0/s, 7 s left"
