"""Drives the installed command in temporary folders."""

import json
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.artifacts.sequence import Sequence, write_sequence
from clipface_cli.avatar import sample_subject, save_subject
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

COMMAND = Path(sys.executable).with_name("clipface")
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the commands run."""
    return tmp_path_factory.mktemp("e2e")


@pytest.fixture(scope="session")
def clipface(folder: Path) -> Run:
    """Run the command with arguments in `folder`."""

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], cwd=folder, capture_output=True, text=True, check=False
        )

    return run


@pytest.fixture(scope="session")
def heads(clipface: Run, folder: Path) -> Path:
    """Two sampled heads."""
    done = clipface("sample", "-n", "2", "--seed", "3", "-o", "heads")
    assert done.returncode == 0, done.stderr
    return folder / "heads"


@pytest.fixture(scope="session")
def edited(clipface: Run, folder: Path, heads: Path) -> Path:
    """The first head after a few steps towards a prompt."""
    done = clipface("edit", "heads/000.obj", "--prompt", "zombie", "--steps", "4", "-o", "zombie")
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]


class Alone:
    """A folder in which lines are typed; nothing else is in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __call__(self, line: str) -> tuple[Path, str]:
        """The path that the last line on stdout names, and stderr."""
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


@pytest.fixture(scope="session")
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
