"""Pictures: which formats are opened, how large, with which tone."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from clipface_cli.artifacts import load_pixels
from clipface_cli.artifacts.images import decode_pixels
from clipface_cli.errors import InputError

SOURCE = Path(__file__).parents[2] / "src"
GREY = 0.8  # of white; 204 in 8 bits


def test_one_place_opens_pictures() -> None:
    found = [path.name for path in SOURCE.rglob("*.py") if "Image.open" in path.read_text()]
    assert found == ["images.py"]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "BMP", "WEBP", "GIF", "PPM", "TGA"])
def test_formats_that_are_read(tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"a.{kind.lower()}"
    Image.new("RGB", (8, 8), (204, 204, 204)).save(path, kind)
    assert np.abs(load_pixels(path).astype(int) - 204).max() <= 1


@pytest.mark.parametrize("name", ["a.png", "a.jpg", "a.eps", "a.tga"])
@pytest.mark.parametrize(
    ("start", "words"),
    [
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "EPS"),
        (b"\xc5\xd0\xd3\xc6" + bytes(60), "EPS"),
        (b"8BPS" + bytes(60), "Photoshop"),
        (b"DDS " + bytes(130), "DDS"),
        (b"v/1\x01" + bytes(60), "OpenEXR"),
        (b"#?RADIANCE\n", "Radiance HDR"),
        (b"<!DOCTYPE html><html>", "web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
        (b"\0\0\0\x18ftypheic" + bytes(60), "HEIC"),
    ],
)
def test_other_files_are_called_what_they_are(
    tmp_path: Path, name: str, start: bytes, words: str
) -> None:
    (tmp_path / name).write_bytes(start)
    with pytest.raises(InputError, match=words):
        load_pixels(tmp_path / name)
    with pytest.raises(InputError, match=words):
        decode_pixels(start)


@pytest.mark.parametrize("kind", ["u1", "u2", "<i4", "f4"])
def test_the_tone_of_deep_pictures(tmp_path: Path, kind: str) -> None:
    most = {"u1": 255, "u2": 65535, "<i4": 65535, "f4": 1}[kind]
    Image.fromarray(np.full((8, 8), GREY * most, kind)).save(tmp_path / "a.tif")
    assert (load_pixels(tmp_path / "a.tif") == 204).all()


def test_dark_deep_pictures_stay_dark_and_bright_floats_bright(tmp_path: Path) -> None:
    Image.fromarray(np.full((8, 8), 200, np.uint16)).save(tmp_path / "dark.png")
    assert load_pixels(tmp_path / "dark.png").max() == 1
    shine = np.full((8, 8), 0.5, np.float32)
    shine[0, 0] = 1.5
    Image.fromarray(shine).save(tmp_path / "shine.tif")
    assert load_pixels(tmp_path / "shine.tif")[4, 4, 0] == 128
    Image.fromarray(np.full((8, 8), 204.0, np.float32)).save(tmp_path / "levels.tif")
    assert (load_pixels(tmp_path / "levels.tif") == 204).all()


def test_size_is_checked_before_decoding(tmp_path: Path) -> None:
    Image.new("L", (9000, 8000)).save(tmp_path / "a.png")
    with pytest.raises(InputError, match=re.escape("9000 x 8000, 72 megapixels, more than 68")):
        load_pixels(tmp_path / "a.png")
    Image.new("L", (9000, 8000)).save(tmp_path / "a.jpg")
    assert load_pixels(tmp_path / "a.jpg").shape == (4000, 4500, 3)
    Image.new("L", (9000, 8000)).save(tmp_path / "b.jpg", progressive=True)
    with pytest.raises(InputError, match="72 megapixels"):
        load_pixels(tmp_path / "b.jpg")


def test_a_picture_turned_by_exif_stands_upright(tmp_path: Path) -> None:
    pixels = np.zeros((4, 6, 3), np.uint8)
    pixels[0] = 255
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(pixels).save(tmp_path / "a.png", exif=exif)
    assert load_pixels(tmp_path / "a.png")[-1].min() == 255


def test_bytes_that_are_no_file(tmp_path: Path) -> None:
    file = io.BytesIO()
    Image.new("RGB", (8, 8), (1, 2, 3)).save(file, "PNG")
    assert (decode_pixels(file.getvalue()) == (1, 2, 3)).all()
    with pytest.raises(InputError, match="is no plain file"):
        load_pixels(tmp_path)
