"""A tiny corpus and a tiny dataset."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file

from clipface_cli.synth import sample_attributes

PEOPLE, SIZE = 24, 32


def paint(path: Path, colour: np.ndarray) -> None:
    y, x = np.mgrid[0:SIZE, 0:SIZE] / SIZE
    spot = (np.hypot(x - 0.5, y - 0.5) < 0.3)[..., None]
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.where(spot, colour, 1 - colour) * 255
    Image.fromarray(pixels.astype(np.uint8)).save(path)


@pytest.fixture(scope="session")
def corpus_folder(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("corpus")
    latents, attributes = sample_attributes(PEOPLE, 0)
    for i, row in enumerate(attributes):
        paint(folder / "uv" / f"{i:06d}.png", 0.5 + 0.3 * np.tanh(row[:3]))
    tables = {"latent": torch.tensor(latents), "attributes": torch.tensor(attributes)}
    save_file(tables, str(folder / "people.safetensors"))
    return folder


@pytest.fixture(scope="session")
def dataset_folder(tmp_path_factory, head) -> Path:
    folder = tmp_path_factory.mktemp("dataset")
    random = torch.Generator().manual_seed(0)
    for i in range(PEOPLE):
        paint(folder / "images" / "00000" / f"{i:09d}.png", np.full(3, i / PEOPLE))
    params = {
        "shape": torch.randn(PEOPLE, head.shape_size, generator=random),
        "expression": torch.randn(PEOPLE, head.expression_size, generator=random),
        "pose": torch.zeros(PEOPLE, 6),
        "camera": torch.tensor([6.0, 0.0, 0.03]).repeat(PEOPLE, 1),
    }
    save_file(params, str(folder / "params.safetensors"))
    return folder
