"""Photos to a batch of the dataset, with an encoder that is quick."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image, ImageFilter
from stub_encoder import StubEncoder
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.photos import Face
from clipface_cli.photos.filters import Limits
from clipface_cli.photos.photo_processor import PhotoProcessor

SIZE = 256


class Hatter:
    """Sees a hat on every face of a photo whose first pixel is red."""

    name = "hatter"

    def __call__(
        self, photo: np.ndarray, face: Face, image: np.ndarray
    ) -> tuple[dict[str, float], Tensor | None]:
        red = tuple(photo[0, 0]) == (255, 0, 0)
        return {"headwear": float(red), "eyewear": 0.0}, torch.zeros(image.shape[:2])


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory, astronaut: np.ndarray) -> Path:
    """One face, two faces in a photo that is not square, a blurred one, none, a broken file."""
    folder = tmp_path_factory.mktemp("photos")
    close = Image.fromarray(astronaut[:300, 100:360])
    Image.fromarray(astronaut).save(folder / "a.png")
    pair = Image.new("RGB", (520, 320), "gray")
    pair.paste(close, (0, 10))
    pair.paste(close.transpose(Image.Transpose.FLIP_LEFT_RIGHT), (260, 0))
    pair.save(folder / "b.png")
    soft = Image.fromarray(astronaut[:300, 80:380]).filter(ImageFilter.GaussianBlur(4))
    soft.save(folder / "c.png")
    Image.new("RGB", (200, 100), "green").save(folder / "d.jpg")
    (folder / "e.jpg").write_bytes((folder / "d.jpg").read_bytes()[:-200])
    hat = astronaut.copy()
    hat[0, 0] = (255, 0, 0)
    Image.fromarray(hat).save(folder / "f.png")
    return folder


NAMES = ["a.png", "b.png", "c.png", "d.jpg", "e.jpg", "f.png"]


def test_every_photo_gets_a_line(head: HeadModel, photos: Path) -> None:
    batch = PhotoProcessor(StubEncoder(head), SIZE, Limits(), Hatter()).process(photos, NAMES)
    assert [line["source"] for line in batch.lines] == NAMES
    assert [line["status"] for line in batch.lines] == [
        *("kept", "kept", "rejected", "rejected", "failed", "rejected")
    ]
    assert [line.get("reason") for line in batch.lines[2:4]] == ["blurred", "no face"]
    assert "cannot be read" in batch.lines[4]["error"]
    assert batch.lines[5]["reason"] == "headwear"
    numbers = [f["image"] for line in batch.lines[:2] for f in line["faces"]]
    assert numbers == [0, 1, 2]  # both people of the second photo
    assert len(batch.images) == len(batch.tables["camera"]) == 3
    assert batch.images[0].shape == (SIZE, SIZE, 3)
    assert (batch.images[0][0, 0] == 255).all()


def test_no_filter_keeps_every_face(head: HeadModel, photos: Path) -> None:
    batch = PhotoProcessor(StubEncoder(head), SIZE, None).process(photos, NAMES)
    assert [line["status"] for line in batch.lines] == [
        *("kept", "kept", "kept", "rejected", "failed", "kept")
    ]


def test_fits_are_checked(head: HeadModel, photos: Path) -> None:
    class Lost(StubEncoder):
        def encode(self, images, faces):  # type: ignore[no-untyped-def]
            encoded = super().encode(images, faces)
            encoded.residual[0] = 0.5
            encoded.camera[1] = torch.nan
            return encoded

    batch = PhotoProcessor(Lost(head), SIZE, Limits()).process(photos, NAMES[:2])
    reasons = [face.get("reason") for line in batch.lines for face in line["faces"]]
    assert reasons == ["fit residual too high", "no head could be fitted", None]
    assert len(batch.images) == 1


def test_nothing_kept(head: HeadModel, photos: Path) -> None:
    batch = PhotoProcessor(StubEncoder(head), SIZE, Limits()).process(photos, ["d.jpg"])
    assert (batch.images, batch.tables) == ([], {})
