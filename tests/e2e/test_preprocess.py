"""`clipface preprocess` as a user runs it, killed and run again."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from tests.e2e.conftest import COMMAND, Run

from clipface_cli.artifacts.dataset import read_manifest, read_note, read_tables

COPIES = 34


@pytest.fixture(scope="module")
def photos(folder: Path) -> Path:
    """Astronauts in many sizes and formats, an admiral, and every kind of bad file."""
    from matplotlib.cbook import get_sample_data
    from skimage.data import astronaut

    root = folder / "photos"
    close = Image.fromarray(np.ascontiguousarray(astronaut()[:260, 90:350]))
    for index in range(COPIES):
        path = root / f"{index % 3}" / f"{index:03d}.{('png', 'jpg', 'webp')[index % 3]}"
        path.parent.mkdir(parents=True, exist_ok=True)
        close.resize((240 + 8 * index,) * 2).save(path)
    with get_sample_data("grace_hopper.jpg") as admiral:
        Image.open(admiral).save(root / "admiral.jpg")
    Image.new("RGB", (300, 200), "teal").save(root / "empty.png")
    (root / "cut.jpg").write_bytes((root / "admiral.jpg").read_bytes()[:9000])
    (root / "loop").symlink_to(root, target_is_directory=True)
    return root


def arguments(photos: Path, output: Path) -> list[str]:
    return ["preprocess", str(photos), "-o", str(output), "--resolution", "128", "--workers", "2"]


@pytest.fixture(scope="module")
def dataset(clipface: Run, photos: Path, folder: Path) -> Path:
    done = clipface(*arguments(photos, folder / "whole"), "--json")
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["images"] == facts["kept"] == COPIES
    assert facts["rejected"] == {"headwear": 1, "no face": 1}
    assert facts["failed"] == 2
    assert "rejected: headwear" in done.stderr
    return folder / "whole"


def files(folder: Path) -> dict[str, bytes]:
    """All but the record of the run, which tells times."""
    paths = (path for path in folder.rglob("*") if path.is_file() and path.name != "run.json")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def test_dataset(dataset: Path, photos: Path) -> None:
    names = {path.name for path in dataset.iterdir()}
    assert names == {
        *("contact.png", "dataset.json", "images", "manifest.jsonl", "params.safetensors"),
        "run.json",
    }
    assert len(read_tables(dataset)["shape"]) == COPIES
    lines = {line["source"]: line for line in read_manifest(dataset)}
    assert lines["cut.jpg"]["status"] == lines["loop"]["status"] == "failed"
    assert lines["0/000.png"]["faces"][0]["scores"]["residual"] < 0.03
    assert read_note(dataset)["resolution"] == 128
    for index in range(COPIES):
        with Image.open(dataset / f"images/00000/{index:09d}.png") as image:
            assert image.size == (128, 128)


def test_killed_and_run_again(photos: Path, folder: Path, dataset: Path) -> None:
    """Killed with its workers at work, then continued by two ranks side by side."""
    output = folder / "killed"
    quiet = {"cwd": folder, "stderr": subprocess.DEVNULL, "stdout": subprocess.DEVNULL}
    process = subprocess.Popen([COMMAND, *arguments(photos, output)], **quiet)
    while process.poll() is None and not list(output.glob(".unfinished/0000*")):
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (output / "dataset.json").exists()
    started = [
        subprocess.Popen(
            [COMMAND, *arguments(photos, output)],
            env=os.environ | {"RANK": str(rank), "WORLD_SIZE": "2"},
            **quiet,
        )
        for rank in (1, 0)
    ]
    assert [process.wait() for process in started] == [0, 0]
    assert files(output) == files(dataset)


def test_again_and_with_other_settings(clipface: Run, photos: Path, dataset: Path) -> None:
    before = files(dataset)
    done = clipface(*arguments(photos, dataset))
    assert done.returncode == 0, done.stderr
    assert "in the dataset already" in done.stderr
    assert files(dataset) == before
    other = clipface(*arguments(photos, dataset), "--no-filter")
    assert other.returncode == 2
    assert "choose another folder" in other.stderr
