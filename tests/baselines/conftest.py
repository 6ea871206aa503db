"""A small head to texture, small settings, and a guidance that is quick."""

from dataclasses import replace

import pytest
import torch
from toy_guidance import MeanColour

from clipface_cli.baselines import ClipMatrix, FlameTex, Latent3d, Text2Mesh, TexturedHead
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import Generator, LinearTexture

SIDE = 32


@pytest.fixture
def start(head: HeadModel) -> TexturedHead:
    """The mean head, as a small random generator paints it."""
    torch.manual_seed(0)
    generator = Generator.create(SIDE, 256, 16, 16, 2).eval().requires_grad_(False)
    w = generator.mapping(torch.randn(1, 16))
    texture = (0.2 * generator.synthesis(w)).clamp(-1, 1)
    return TexturedHead(head, HeadParams.neutral(), texture, w, generator)


@pytest.fixture
def linear() -> LinearTexture:
    """Four components."""
    torch.manual_seed(1)
    return LinearTexture(0.1 * torch.randn(1, 3, SIDE, SIDE), 0.2 * torch.randn(4, 3, SIDE, SIDE))


@pytest.fixture
def colour() -> MeanColour:
    """Asks for red."""
    return MeanColour()


@pytest.fixture
def methods(linear: LinearTexture) -> dict[str, object]:
    """All of them, in small."""
    fine = Text2Mesh(
        vertices=1000, features=8, width=16, pretraining_steps=5, resolution=32, rate=5e-3
    )
    return {
        "flametex": FlameTex(model=linear, resolution=32, rate=0.05),
        "clipmatrix": ClipMatrix(resolution=32),
        "text2mesh": fine,
        "text2mesh with displacement": replace(fine, displacement=True),
        "latent3d": Latent3d(resolution=32, identity=lambda images: images.mean(3).flatten(1)),
    }
