"""Finding photos in folders as people have them."""

import os
from pathlib import Path

import pytest

from clipface_cli.errors import InputError
from clipface_cli.photos.sources import list_photos


def touch(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()


def test_order_depends_on_names_only(tmp_path: Path) -> None:
    names = ["b.png", "a/2.JPG", "a/10.jpg", "a-1.webp", "c/d/e.tif"]
    touch(tmp_path, *names, "notes.txt", "a/.hidden.jpg", ".cache/x.png")
    listing = list_photos(tmp_path, tmp_path / "out")
    assert listing.photos == ["a/10.jpg", "a/2.JPG", "a-1.webp", "b.png", "c/d/e.tif"]
    assert listing.others == 1
    assert listing.problems == {}


def test_links_in_a_loop_are_reported(tmp_path: Path) -> None:
    touch(tmp_path, "in/deep/a.jpg", "z.jpg")
    (tmp_path / "in/deep/back").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (tmp_path / "me").symlink_to("me")
    listing = list_photos(tmp_path, tmp_path / "out")
    assert listing.photos == ["in/deep/a.jpg", "z.jpg"]
    assert set(listing.problems) == {"in/deep/back", "gone.jpg", "me"}
    assert "read already" in listing.problems["in/deep/back"]


def test_links_to_other_places_are_followed(tmp_path: Path) -> None:
    touch(tmp_path, "elsewhere/a.jpg", "photos/b.jpg")
    (tmp_path / "photos/more").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    assert list_photos(tmp_path / "photos", tmp_path / "out").photos == ["b.jpg", "more/a.jpg"]


def test_unreadable_folder_and_odd_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    touch(tmp_path, "shut/a.jpg", "open/b.jpg")
    os.mkfifo(tmp_path / "pipe.jpg")
    scan = os.scandir

    def refuse(path: Path) -> object:
        if Path(path).name == "shut":
            raise PermissionError(13, "Permission denied")
        return scan(path)

    monkeypatch.setattr(os, "scandir", refuse)
    listing = list_photos(tmp_path, tmp_path / "out")
    assert listing.photos == ["open/b.jpg"]
    assert "Permission denied" in listing.problems["shut"]
    assert listing.problems["pipe.jpg"] == "not a plain file"


def test_output_inside_the_photos_is_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "data/images/00000/000000000.png")
    assert list_photos(tmp_path, tmp_path / "data").photos == ["a.jpg"]


def test_datasets_among_the_photos_are_left_out(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg", "data/images/00000/000000000.png", "labelled/b.jpg")
    touch(tmp_path, "data/dataset.json", "data/manifest.jsonl", "labelled/dataset.json")
    assert list_photos(tmp_path, tmp_path / "out").photos == ["a.jpg", "labelled/b.jpg"]


def test_one_photo_and_none(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    assert list_photos(tmp_path / "a.jpg", tmp_path / "out").photos == ["a.jpg"]
    with pytest.raises(InputError, match="no folder"):
        list_photos(tmp_path / "missing", tmp_path / "out")


def test_names_that_are_not_unicode(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.jpg"))).touch()
    assert len(list_photos(tmp_path, tmp_path / "out").photos) == 1
