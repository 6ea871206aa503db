"""Fixtures for every package's tests."""

import os
from collections.abc import Iterator
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command sets it
if "PYTEST_XDIST_WORKER" in os.environ:  # a worker for each core: one thread each
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import device
import flame_like
import pytest
import torch

from clipface_cli.assets import import_asset
from clipface_cli.head import HeadModel


@pytest.fixture(scope="session")
def head() -> HeadModel:
    """The embedded head; tests must not change it."""
    return HeadModel.load("builtin")


@pytest.fixture(scope="session")
def flame_files(head: HeadModel, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a stand-in for FLAME in its published files."""
    folder = tmp_path_factory.mktemp("flame")
    flame_like.write(flame_like.make(head), folder)
    return folder


@pytest.fixture(scope="session")
def shared_home(flame_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An asset folder with that FLAME and its texture layout imported; tests must not change it."""
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLIPFACE_HOME", str(home))
        import_asset(flame_files / "generic_model.pkl")
        import_asset(flame_files / "head_template.obj")
        HeadModel.load("flame")  # registers the embedded head once for all tests
    return home


@pytest.fixture
def flame_home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Sets $CLIPFACE_HOME to an asset folder with FLAME."""
    monkeypatch.setenv("CLIPFACE_HOME", str(shared_home))
    return shared_home


@pytest.fixture
def standin_device() -> Iterator[torch.device]:
    """A device that refuses what CUDA refuses, on a machine without one (device.py)."""
    with device.standin_device() as where:
        yield where


@pytest.fixture(params=["standin", pytest.param("cuda", marks=pytest.mark.gpu)])
def away(request: pytest.FixtureRequest) -> Iterator[torch.device]:
    """A device other than the CPU: the stand-in, and a GPU where there is one."""
    if request.param == "cuda":
        yield torch.device("cuda", 0)
    else:
        with device.standin_device() as where:
            yield where


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("gpu") and not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
