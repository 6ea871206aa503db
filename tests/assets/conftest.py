"""An asset folder of its own for every test, and state dicts from recorded goldens."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
State = dict[str, torch.Tensor]


@pytest.fixture(autouse=True)
def asset_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    home = tmp_path / "home"
    monkeypatch.setenv("CLIPFACE_HOME", str(home))
    return home


@pytest.fixture
def golden() -> Callable[[str, str], State]:
    def read(name: str, prefix: str = "") -> State:
        arrays = np.load(GOLDEN / name)
        return {
            key.removeprefix(prefix): torch.from_numpy(arrays[key].copy())
            for key in arrays.files
            if key.startswith(prefix)
        }

    return read
