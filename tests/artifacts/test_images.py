"""Pictures: lossless round trips, odd formats, unreadable files."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from clipface_cli.artifacts import (
    before_after,
    captioned_sheet,
    from_pixels,
    load_image,
    load_pixels,
    save_image,
    to_pixels,
)
from clipface_cli.errors import InputError


def test_every_level_round_trips(tmp_path: Path) -> None:
    levels = np.arange(256, dtype=np.uint8).repeat(3).reshape(16, 16, 3)
    image = from_pixels(levels)
    assert image.shape == (1, 3, 16, 16)
    assert image.min() == -1
    assert image.max() == 1
    save_image(tmp_path / "a.png", image)
    torch.testing.assert_close(load_image(tmp_path / "a.png"), image)
    np.testing.assert_array_equal(to_pixels(image), levels)


def test_row_zero_is_at_the_top(tmp_path: Path) -> None:
    image = torch.full((1, 3, 4, 4), -1.0)
    image[:, 0, 0] = 1
    save_image(tmp_path / "a.png", image)
    assert load_pixels(tmp_path / "a.png")[0, 0].tolist() == [255, 0, 0]


@pytest.mark.parametrize("mode", ["RGBA", "L", "P", "1", "CMYK"])
def test_other_modes(tmp_path: Path, mode: str) -> None:
    path = tmp_path / ("a.jpg" if mode == "CMYK" else "a.png")
    Image.new("RGB", (5, 4), (255, 255, 255)).convert(mode).save(path)
    pixels = load_pixels(path)
    assert pixels.shape == (4, 5, 3)
    assert pixels.min() > 250


def test_sixteen_bit(tmp_path: Path) -> None:
    Image.fromarray(np.full((3, 3), 32768, np.uint16)).save(tmp_path / "a.png")
    assert (load_pixels(tmp_path / "a.png") == 128).all()


def test_unreadable(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        load_image(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes(b"no picture")
    with pytest.raises(InputError, match="cannot be read"):
        load_image(tmp_path / "a.png")
    save_image(tmp_path / "b.png", torch.rand(1, 3, 64, 64))
    (tmp_path / "b.png").write_bytes((tmp_path / "b.png").read_bytes()[:2000])
    with pytest.raises(InputError, match="cannot be read"):
        load_image(tmp_path / "b.png")


def test_sheets_hold_their_pictures() -> None:
    red = np.full((64, 64, 3), (255, 0, 0), np.uint8)
    sheet = captioned_sheet([red] * 5, list("abcde"), across=3)
    assert (sheet == (255, 0, 0)).all(-1).sum() > 5 * 60 * 60
    pair = before_after([red, red], [red, red], "zombie")
    assert pair.shape[1] > 4 * 64
    assert (pair == (255, 0, 0)).all(-1).sum() == 4 * 64 * 64
