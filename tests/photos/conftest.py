"""Photos that development dependencies carry."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

Pixels = np.ndarray


def _read(package: str, name: str) -> Pixels:
    folder = Path(pytest.importorskip(package).__file__).parent
    return np.array(Image.open(folder / name).convert("RGB"))


@pytest.fixture(scope="session")
def astronaut() -> Pixels:
    """Eileen Collins, 512 x 512, her face about 105 pixels wide."""
    return _read("skimage", "data/astronaut.png")


@pytest.fixture(scope="session")
def admiral() -> Pixels:
    """Grace Hopper with cap and glasses, 512 wide, 600 high."""
    return _read("matplotlib", "mpl-data/sample_data/grace_hopper.jpg")
