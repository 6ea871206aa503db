"""A dataset put together from batches, cut short anywhere."""

import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.artifacts.dataset import read_manifest, read_note, read_tables
from clipface_cli.photos.photo_processor import PhotoBatch
from clipface_cli.photos.unfinished import BATCH_SIZE, Plan, UnfinishedDataset

PHOTOS = 2 * BATCH_SIZE + 5


def make_batch(index: int, sources: list[str]) -> PhotoBatch:
    """Every third photo rejected, every fourth with two faces."""
    batch = PhotoBatch()
    for number, source in enumerate(sources):
        faces = 0 if number % 3 == 2 else 1 + (number % 4 == 0)
        kept = []
        for _ in range(faces):
            kept.append({"status": "kept", "image": len(batch.images), "scores": {}})
            batch.images.append(np.full((4, 4, 3), 10 * index + len(batch.images), np.uint8))
        line = {"source": source, "status": "kept" if faces else "rejected", "faces": kept}
        batch.lines.append(line if faces else line | {"reason": "blurred"})
    rows = torch.arange(len(batch.images)).float()[:, None] + 100 * index
    batch.tables = {name: rows.clone() for name in ("shape", "expression", "pose", "camera")}
    return batch


def begin(
    folder: Path, images: int = 0, lines: int = 0, name: str = "a"
) -> tuple[UnfinishedDataset, Plan]:
    sources = [f"{name}{i:03d}.jpg" for i in range(PHOTOS)]
    unfinished, plan = UnfinishedDataset(folder), Plan({"x": 1}, sources, images, lines, [])
    unfinished.begin(plan)
    return unfinished, plan


def fill(unfinished: UnfinishedDataset, plan: Plan) -> None:
    for index in plan.batches:
        unfinished.write(index, make_batch(index, plan.batch(index)), 0)


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    folder = tmp_path_factory.mktemp("whole")
    unfinished, plan = begin(folder)
    fill(unfinished, plan)
    unfinished.assemble(plan, {"head": "h", "settings": {}})
    unfinished.end()
    return content(folder)


def test_assembly(tmp_path: Path) -> None:
    unfinished, plan = begin(tmp_path)
    fill(unfinished, plan)
    lines = unfinished.assemble(plan, {"head": "h", "settings": {}})
    unfinished.end()
    assert [line["source"] for line in lines] == plan.sources
    names = [face["image"] for line in lines for face in line["faces"]]
    assert names == [f"images/00000/{i:09d}.png" for i in range(len(names))]
    assert len(read_tables(tmp_path)["camera"]) == len(names) == read_note(tmp_path)["count"]
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("dataset.json", "images", "manifest.jsonl", "params.safetensors")
    ]


@pytest.mark.parametrize("stop", range(0, 60, 7))
def test_an_assembly_cut_short_comes_to_the_same(
    tmp_path: Path, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, stop: int
) -> None:
    unfinished, plan = begin(tmp_path)
    fill(unfinished, plan)
    moves, replace = [0], Path.replace

    def maybe(self: Path, target: Path) -> Path:
        moves[0] += 1
        if moves[0] > stop:
            raise KeyboardInterrupt
        return replace(self, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", maybe)
        with suppress(KeyboardInterrupt):  # the last stops come after all of it
            unfinished.assemble(plan, {"head": "h", "settings": {}})
    again = UnfinishedDataset(tmp_path)
    assert again.plan() == plan
    again.assemble(plan, {"head": "h", "settings": {}})
    again.end()
    assert content(tmp_path) == whole


def test_growing_keeps_what_is_there(tmp_path: Path, whole: dict[str, bytes]) -> None:
    unfinished, plan = begin(tmp_path)
    fill(unfinished, plan)
    first = unfinished.assemble(plan, {"head": "h", "settings": {}})
    unfinished.end()
    count = read_note(tmp_path)["count"]
    unfinished, plan = begin(tmp_path, count, len(first), "b")
    fill(unfinished, plan)
    for _ in range(2):  # the second time as after an interruption
        unfinished.assemble(plan, {"head": "h", "settings": {}})
    unfinished.end()
    assert read_note(tmp_path)["count"] == 2 * count == len(read_tables(tmp_path)["camera"])
    assert len(read_manifest(tmp_path)) == 2 * PHOTOS
    for name, data in whole.items():
        if name.startswith("images"):
            assert (tmp_path / name).read_bytes() == data


def test_batches_appear_whole(tmp_path: Path) -> None:
    unfinished, plan = begin(tmp_path)
    (unfinished.home / "0-99999.partial").mkdir()
    assert not unfinished.done(0)
    unfinished.sweep(1)
    assert (unfinished.home / "0-99999.partial").exists()  # another rank's
    unfinished.sweep(0)
    batch = make_batch(0, plan.batch(0))
    unfinished.write(0, batch, 0)
    unfinished.write(0, batch, 0)  # by two processes
    assert [p.name for p in sorted(unfinished.home.iterdir())] == ["00000000", "plan.json"]
    shutil.rmtree(unfinished.home)
    assert UnfinishedDataset(tmp_path).plan() is None
