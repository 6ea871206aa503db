"""Fixtures for every package's tests."""

from pathlib import Path

import flame_like
import pytest

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
