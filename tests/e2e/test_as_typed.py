"""Commands without -o: where the result lies is the last line on stdout, in the current folder."""

import json
import shlex
import subprocess
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import published
import pytest
import torch
import trimesh
from PIL import Image
from tests.e2e.conftest import COMMAND, Run

from clipface_cli.artifacts import load_pixels, read_sidecar, sidecar_path
from clipface_cli.artifacts.dataset import read_note
from clipface_cli.artifacts.sequence import Sequence, read_npz, write_sequence
from clipface_cli.avatar import sample_subject, save_subject
from clipface_cli.edit import PAPER
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

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


class Alone:
    """A folder in which lines are typed; nothing else is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, line: str) -> tuple[Path, str]:
        """What the last line on stdout names, and stderr."""
        done = subprocess.run(
            [COMMAND, *shlex.split(line)],
            cwd=self.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        made = done.stdout.splitlines()[-1]
        assert (self.folder / made).exists()
        return Path(made), done.stderr

    def record(self, made: Path) -> dict:
        """run.json of a folder."""
        return json.loads((self.folder / made / "run.json").read_text())


@pytest.fixture
def alone(tmp_path: Path) -> Alone:
    return Alone(tmp_path)


@pytest.fixture(scope="module")
def generator() -> Generator:
    return Generator.load("builtin")


@pytest.fixture
def mesh_obj(alone: Alone, head: HeadModel, generator: Generator) -> Path:
    path = alone.folder / "mesh.obj"
    save_subject(path, sample_subject(head, generator, 3), head)
    return path


@pytest.fixture
def seq_npz(alone: Alone, head: HeadModel) -> Path:
    """An opening mouth, three frames; and settings of one step for small films."""
    opened = head.expression_from_units({"jawOpen": 0.8})
    expression = (torch.tensor([0.0, 0.5, 1.0])[:, None] * opened).numpy()
    write_sequence(
        alone.folder / "seq.npz", Sequence(expression, np.zeros((3, 6), np.float32), 10.0)
    )
    (alone.folder / "fast.toml").write_text("steps = 1\nresolution = 64\nframes = false\n")
    return alone.folder / "seq.npz"


@pytest.mark.slow
def test_edit(alone: Alone, mesh_obj: Path) -> None:
    made, _ = alone('edit mesh.obj --prompt "Mona Lisa"')
    assert made == Path("mesh-mona-lisa/edited.obj")
    assert alone.record(made.parent)["results"]["similarity"] > 0.3
    history = read_sidecar(sidecar_path(alone.folder / made)).history
    assert [entry["prompt"] for entry in history] == ["Mona Lisa"]


@pytest.mark.slow
def test_animate(alone: Alone, seq_npz: Path) -> None:
    made, told = alone("animate seq.npz --prompt Laughing --config fast.toml")
    assert made == Path("seq-laughing/animation.mp4")
    assert "No --mesh: the head is sampled (seed 0)." in told


@pytest.mark.slow
def test_animate_somebody(alone: Alone, seq_npz: Path) -> None:
    sequence = read_npz(seq_npz)
    sequence.shape = np.linspace(1, -1, 80, dtype=np.float32)
    write_sequence(seq_npz, sequence)
    made, told = alone("animate seq.npz --prompt Laughing --config fast.toml --static")
    assert "the head has the sequence's shape and a sampled texture (seed 0)" in told
    shape = read_sidecar(sidecar_path(alone.folder / made.parent / "edited.obj")).shape[0]
    assert shape[:80].tolist() == sequence.shape.tolist()
    assert not shape[80:].any()


@pytest.mark.slow
def test_animate_by_a_published_mapper(
    alone: Alone, seq_npz: Path, head: HeadModel, generator: Generator
) -> None:
    published.write_motion_mapper(alone.folder / "angry.pt", generator.num_ws)
    made, _ = alone("animate laugh --mapper angry.pt --config fast.toml")
    assert made == Path("laugh-angry-pt/animation.mp4")
    assert any(name.endswith("angry.pt") for name in alone.record(made.parent)["inputs"])
    sampled = sample_subject(head, generator, 0).texture
    texture = load_pixels(alone.folder / made.parent / "edited.png") / 127.5 - 1
    assert np.abs(texture - sampled[0].permute(1, 2, 0).numpy()).mean() > 0.01


def test_train_mapper_and_edit_by_it(alone: Alone, mesh_obj: Path) -> None:
    made, _ = alone("train-mapper --prompt zombie --steps 2")
    assert made == Path("zombie-mapper")
    assert alone.record(made)["settings"]["steps"] == 2
    edited, _ = alone("edit mesh.obj --mapper zombie-mapper")
    assert edited == Path("mesh-zombie-mapper/edited.obj")
    assert len(alone.record(edited.parent)["inputs"]) == 4  # the mesh, its texture, both mappers


def test_heads_and_mappers_of_codes(alone: Alone, generator: Generator) -> None:
    z = torch.randn(3, generator.z_dim, generator=torch.Generator().manual_seed(0))
    codes = generator.mapping(z, 0.7)
    assert codes.shape == (3, 18, 512)
    published.write_codes(alone.folder / "latents", codes)
    made, _ = alone("sample --codes latents")
    assert made == Path("heads")
    assert len(list((alone.folder / made).glob("*.obj"))) == 3
    sidecar = read_sidecar(sidecar_path(alone.folder / made / "002.obj"))
    assert torch.equal(sidecar.w[0], codes[2])
    made, _ = alone("train-mapper --codes latents --prompt ghost --steps 2")
    assert made == Path("ghost-mapper")
    assert alone.record(made)["settings"]["codes"] == "latents"


@pytest.mark.slow
def test_the_papers_step_from_published_mappers(alone: Alone, mesh_obj: Path) -> None:
    published.write_zero_mappers(alone.folder / "zero.pt")
    line = 'edit mesh.obj --prompt "Mona Lisa" --start zero.pt --preset paper --steps 1'
    made, _ = alone(line)
    assert made == Path("mesh-mona-lisa/edited.obj")
    record = alone.record(made.parent)
    numbers = json.loads(json.dumps(asdict(replace(PAPER, steps=1))))
    assert numbers.items() <= record["settings"].items()
    assert record["settings"]["start"] == "zero.pt"
    assert record["results"]["sentences"] == {
        "source": "A photo of a face",
        "targets": ["A photo of a face that looks like Mona Lisa"],
    }
    assert "zero.pt" in record["inputs"]
