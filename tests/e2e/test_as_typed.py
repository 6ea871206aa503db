"""Commands without -o: where the result lies is the last line on stdout, in the current folder."""

import json
import subprocess
from pathlib import Path

import numpy as np
import pytest
import trimesh
from PIL import Image
from tests.e2e.conftest import COMMAND, Run

from clipface_cli.artifacts.dataset import read_note
from clipface_cli.artifacts.sequence import read_npz

TINY = ["--preset", "embedded", "--resolution", "32", "--batch", "2", "--device", "cpu"]


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The current folder, with an astronaut in ffhq/ and in me.jpg, and the same head in clip/."""
    from skimage.data import astronaut

    here = tmp_path_factory.mktemp("typed")
    close = Image.fromarray(np.ascontiguousarray(astronaut()[:260, 90:350]))
    (here / "ffhq").mkdir()
    (here / "clip").mkdir()
    for index in range(3):
        close.resize((240 + 8 * index,) * 2).save(here / f"ffhq/{index}.png")
        close.save(here / f"clip/{index}.png")
    close.save(here / "me.jpg")
    return here


@pytest.fixture(scope="module")
def typed(here: Path) -> Run:
    """Run the command with arguments in `here`, or in a folder below it."""

    def run(*arguments: str, inside: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], cwd=here / inside, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="module")
def dataset(typed: Run, here: Path) -> Path:
    done = typed("preprocess", "ffhq/", "--resolution", "32", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "ffhq-dataset\n"), done.stderr
    assert "the dataset is ffhq-dataset" in done.stderr
    return here / "ffhq-dataset"


@pytest.fixture(scope="module")
def mesh(typed: Run) -> str:
    done = typed("sample", "-n", "1", "-o", "heads")
    assert done.returncode == 0, done.stderr
    return "heads/000.obj"


def test_preprocess_again(typed: Run, dataset: Path) -> None:
    assert read_note(dataset)["count"] == 3
    assert json.loads((dataset / "run.json").read_text())["results"]["images"] == 3
    done = typed("preprocess", "ffhq", "--resolution", "32", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "ffhq-dataset\n"), done.stderr
    assert "in the dataset already" in done.stderr
    done = typed("preprocess", "ffhq", "--resolution", "64")
    assert done.returncode == 2
    assert "choose another folder with -o" in done.stderr


def test_preprocess_one_photo_and_the_current_folder(typed: Run, here: Path) -> None:
    done = typed("preprocess", "me.jpg", "--resolution", "32", "--workers", "1")
    assert (done.returncode, done.stdout) == (0, "me-dataset\n"), done.stderr
    assert read_note(here / "me-dataset")["count"] == 1
    for _ in range(2):  # the dataset lies among the photos and is none of them
        done = typed("preprocess", ".", "--resolution", "32", "--workers", "1", inside="clip")
        assert (done.returncode, done.stdout) == (0, "clip-dataset\n"), done.stderr
        assert read_note(here / "clip/clip-dataset")["count"] == 3


def test_train_gan(typed: Run, dataset: Path) -> None:
    result = f"{dataset.name}-gan/generator.safetensors\n"
    done = typed("train-gan", f"{dataset.name}/", "--steps", "1", *TINY)
    assert (done.returncode, done.stdout) == (0, result), done.stderr
    again = typed("train-gan", dataset.name, "--steps", "1", *TINY)
    assert again.returncode == 2
    assert "is not empty" in again.stderr
    more = typed("train-gan", dataset.name, "--steps", "2", "--resume", *TINY)
    assert (more.returncode, more.stdout) == (0, result), more.stderr
    steps = sorted(path.name for path in Path(f"{dataset}-gan/checkpoints").glob("step-*"))
    assert steps == ["step-000001.safetensors", "step-000002.safetensors"]


def test_train_gan_on_photos_says_what_is_missing(typed: Run, dataset: Path, here: Path) -> None:
    done = typed("train-gan", "ffhq")
    assert done.returncode == 2
    assert "clipface preprocess" in done.stderr
    assert not (here / "ffhq-gan").exists()


def test_synth(typed: Run, here: Path) -> None:
    line = ["synth", "-n", "1", "--renders", "1", "--resolution", "32", "--workers", "1"]
    done = typed(*line)
    assert (done.returncode, done.stdout) == (0, "synth\n"), done.stderr
    assert read_note(here / "synth/dataset")["count"] == 1


def test_track(typed: Run, here: Path) -> None:
    done = typed("track", "clip")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "seq.npz"
    assert len(read_npz(here / "seq.npz")) == 3
    again = typed("track", "clip")
    assert again.returncode == 2
    assert "seq.npz exists" in again.stderr


def test_export(typed: Run, mesh: str, here: Path) -> None:
    done = typed("export", mesh)
    assert (done.returncode, done.stdout) == (0, "000.glb\n"), done.stderr
    assert trimesh.load(here / "000.glb").geometry
    assert not (here / "heads/000.glb").exists()
    again = typed("export", mesh)
    assert again.returncode == 2
    assert "000.glb exists" in again.stderr
    assert typed("export", mesh, "--force").returncode == 0


def test_export_in_another_format(typed: Run, mesh: str, here: Path) -> None:
    done = typed("export", mesh, "--format", "stl")
    assert (done.returncode, done.stdout) == (0, "000.stl\n"), done.stderr
    itself = typed("export", "000.obj", "--format", "obj", "--force", inside="heads")
    assert itself.returncode == 2
    assert "000.obj is the mesh itself" in itself.stderr
    texture = (here / "heads/000.png").read_bytes()
    beside = typed("export", "000.obj", "--format", "ply", inside="heads")
    assert beside.returncode == 2
    assert "000.png exists" in beside.stderr
    assert (here / "heads/000.png").read_bytes() == texture
