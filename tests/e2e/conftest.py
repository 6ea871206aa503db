"""Drives the installed command in temporary folders."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

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
