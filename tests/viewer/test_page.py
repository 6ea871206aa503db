"""The page in a real browser: sliders, wipe, sequence, and nobody else asked for anything."""

from pathlib import Path

import numpy as np
import pytest

from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command

VISIBLE = 1.0  # mean difference of two pictures, of 255, that a person sees


def _show(browser, label: str) -> None:
    browser.evaluate(
        "[...document.querySelectorAll('#models button')]"
        f".find(b => b.dataset.url.includes('{label}')).click()"
    )
    browser.wait_for("document.body.dataset.state === 'ready'")
    browser.settle()


def _set(browser, slider: str, value: float) -> None:
    browser.evaluate(
        f"(() => {{ const s = document.getElementById('{slider}'); s.value = {value};"
        "s.dispatchEvent(new Event('input')); })()"
    )
    browser.settle()


def _changed(one: np.ndarray, other: np.ndarray) -> float:
    """Share of the pixels that are plainly another colour."""
    return float((np.abs(one - other).max(2) > 20).mean())


def _apart(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).mean())


@pytest.fixture(scope="module")
def opened(browser, address: str):
    browser.open(address)
    return browser


@pytest.fixture
def page(opened, address: str):
    """The page, still without errors and without requests to anybody else after a test."""
    yield opened
    assert opened.troubles() == []
    for url in opened.requested():
        assert url.removeprefix("blob:").startswith((address, "data:")), url


def test_opens_and_lists_the_run(page) -> None:
    names = "[...document.querySelectorAll('#models strong')].map(n => n.textContent)"
    labels = page.evaluate(names)
    assert labels == ["000", "laugh", "laugh"]
    _show(page, "/mesh/2")
    assert (
        page.evaluate("document.getElementById('history').textContent") == "laughingsimilarity 0.90"
    )
    assert page.evaluate("document.querySelectorAll('[id^=unit-]').length") == 53
    assert page.view().std() > 10


def test_jaw_slider_by_keyboard(page) -> None:
    _show(page, "/mesh/0")
    before = page.view()
    page.evaluate("document.getElementById('unit-jawOpen').focus()")
    page.press("ArrowRight", 3)
    assert page.evaluate("document.activeElement.value") == "0.03"
    page.press("End")
    after = page.view()
    height = len(before)
    assert _changed(before, after) > 0.005
    assert _changed(before[: height // 4], after[: height // 4]) == 0  # the brow stays
    page.evaluate("document.getElementById('reset').click()")
    page.settle()
    assert _apart(before, page.view()) < 0.01


def test_keys_turn_the_head(page) -> None:
    _show(page, "/mesh/0")
    before = page.view()
    page.evaluate("document.getElementById('view').focus()")
    page.press("ArrowRight", 4)
    assert _apart(before, page.view()) > VISIBLE
    page.press("f")
    assert _apart(before, page.view()) < 0.01


def test_wipe_and_strength(page) -> None:
    _show(page, "/mesh/2")
    after = page.view()
    _set(page, "strength", 0)
    before = page.view()
    assert _apart(before, after) > VISIBLE
    _set(page, "strength", 0.5)
    between = page.view()
    assert 0.2 * _apart(before, after) < _apart(before, between) < _apart(before, after)
    _set(page, "strength", 1)
    page.press("w")
    wiped, middle = page.view(), before.shape[1] // 2
    assert _apart(wiped[:, : middle - 2], before[:, : middle - 2]) < 0.01
    assert _apart(wiped[:, middle + 2 :], after[:, middle + 2 :]) < 0.01
    page.evaluate("document.getElementById('divider').focus()")
    page.press("Home")
    assert _apart(page.view()[:, middle:], after[:, middle:]) < 0.01
    page.press("u")
    assert page.evaluate("document.getElementById('map').width") >= 64


def test_sequence_plays(page) -> None:
    _show(page, "animation")
    time = page.evaluate("Number(document.getElementById('frame').value)")
    page.wait_for(f"Number(document.getElementById('frame').value) !== {time}")
    page.press("p")
    _set(page, "frame", 0)
    first = page.view()
    assert page.evaluate("document.getElementById('play').textContent") == "Play"
    _set(page, "frame", 0.69)
    last = page.view()
    assert _apart(first, last) > VISIBLE
    assert last.mean() > first.mean() + 5  # the second texture is lighter
    assert page.evaluate("Number(document.getElementById('unit-jawOpen').value)") > 0.75
    assert _changed(first, last) > 0.1


def test_one_file(browser, run_folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "laugh.html"
    mesh = str(run_folder / "laugh/edited.obj")
    assert run_command(app, ["export", mesh, "-o", str(target), "--format", "html"]) == 0
    browser.open(target.as_uri())
    assert browser.view().std() > 10
    assert browser.troubles() == []
    asked = [url for url in browser.requested() if not url.startswith(("blob:", "data:"))]
    assert asked == [target.as_uri()]


def test_fits_a_phone(browser, address: str) -> None:
    browser.open(address, 390, 800)
    assert browser.evaluate("document.documentElement.scrollWidth") <= 390
    assert browser.evaluate("document.getElementById('view').getBoundingClientRect().height") > 300
