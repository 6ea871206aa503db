"""Photos from the wild: which way up, squares that are no crops, closed lips, broken files."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from stub_encoder import StubEncoder

from clipface_cli.head import HeadModel
from clipface_cli.photos.filters import Limits
from clipface_cli.photos.landmarks import find_faces_any_way
from clipface_cli.photos.photo_processor import PhotoBatch, PhotoProcessor
from clipface_cli.photos.reading import read_photo

CASES = Path(__file__).parents[1] / "data/cases"
SIZE = 128


@pytest.fixture(scope="module")
def closed() -> np.ndarray:
    return read_photo(CASES / "photo_closed_mouth.jpg")


def processed(head: HeadModel, folder: Path, names: list[str]) -> PhotoBatch:
    return PhotoProcessor(StubEncoder(head), SIZE, Limits()).process(folder, names)


def eyes_and_chin(batch: PhotoBatch) -> np.ndarray:
    """Places of an eye and the chin in the only image, found again."""
    (face,) = find_faces_any_way(batch.images[0])[:1]
    return face.points[[33, 263, 152], :2]


@pytest.mark.parametrize("quarters", [0, 1, 2, 3])
def test_a_face_is_found_whichever_way_it_lies(closed: np.ndarray, quarters: int) -> None:
    upright = find_faces_any_way(closed)[0].points[:, :2]
    height, width = closed.shape[:2]
    for _ in range(quarters):  # the points turn with the image
        upright = np.stack([upright[:, 1], width - upright[:, 0]], 1)
        height, width = width, height
    (face,) = find_faces_any_way(np.rot90(closed, quarters).copy())
    off = np.linalg.norm(face.points[:, :2] - upright, axis=1).mean()
    assert off < 0.25 * face.eye_distance


def test_an_upside_down_photo_is_turned(head: HeadModel) -> None:
    batch = processed(head, CASES, ["photo_upside_down.jpg"])
    assert len(batch.images) == 1
    left, right, chin = eyes_and_chin(batch)
    assert left[0] < right[0]
    assert chin[1] > left[1] + 0.2 * SIZE


def test_a_small_face_in_a_square_photo_is_cut_out(head: HeadModel) -> None:
    batch = processed(head, CASES, ["photo_square_small_face.jpg"])
    left, right, _ = eyes_and_chin(batch)
    assert 0.2 * SIZE < right[0] - left[0] < 0.45 * SIZE


def test_everybody_in_a_square_photo_is_kept(
    head: HeadModel, closed: np.ndarray, tmp_path: Path
) -> None:
    canvas = np.full((1100, 1100, 3), 90, np.uint8)
    canvas[100 : 100 + len(closed), 20 : 20 + closed.shape[1]] = closed
    canvas[500 : 500 + len(closed), 560 : 560 + closed.shape[1]] = closed[:, ::-1]
    Image.fromarray(canvas).save(tmp_path / "two.png")
    assert len(processed(head, tmp_path, ["two.png"]).images) == 2


def test_closed_lips_have_no_hole(head: HeadModel) -> None:
    batch = processed(head, CASES, ["photo_closed_mouth.jpg"])
    (face,) = find_faces_any_way(batch.images[0])[:1]
    left, top = face.points[[61, 0], :2].min(0).astype(int)
    right, low = face.points[[291, 17], :2].max(0).astype(int)
    assert not (batch.images[0][top:low, left:right] == 255).all(-1).any()


@pytest.mark.parametrize(
    ("change", "status", "words"),
    [
        (lambda photo: photo // 25, "rejected", "too dark"),
        (lambda photo: np.where(np.arange(len(photo))[:, None, None] < 245, photo, 128), "failed",
         "one grey"),
        (lambda photo: np.full_like(photo, 2), "rejected", "no face"),
    ],
)  # fmt: skip
def test_dark_and_broken_photos(
    head: HeadModel, closed: np.ndarray, tmp_path: Path, change, status: str, words: str
) -> None:
    Image.fromarray(change(closed).astype(np.uint8)).save(tmp_path / "a.png")
    (line,) = processed(head, tmp_path, ["a.png"]).lines
    assert line["status"] == status
    assert words in json.dumps(line)


def test_truncated_jpeg_and_heic_are_called_what_they_are(
    head: HeadModel, closed: np.ndarray, tmp_path: Path
) -> None:
    file = io.BytesIO()
    Image.fromarray(closed).save(file, "JPEG")
    (tmp_path / "cut.jpg").write_bytes(file.getvalue()[: len(file.getvalue()) // 2])
    (tmp_path / "phone.heic").write_bytes((CASES / "photo_phone.heic").read_bytes())
    cut, phone = processed(head, tmp_path, ["cut.jpg", "phone.heic"]).lines
    assert "cannot be read" in cut["error"]
    assert phone["error"].startswith("is HEIC")
