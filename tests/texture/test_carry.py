"""Textures of the embedded layout on a head with another one."""

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, generator_for
from clipface_cli.texture.carry import CarriedSynthesis


def small(layout: str = "builtin") -> Generator:
    torch.manual_seed(0)
    generator = Generator.create(64, 512, 32, 64).eval().requires_grad_(False)
    generator.layout = layout
    return generator


def at_vertices(head: HeadModel, texture: torch.Tensor) -> torch.Tensor:
    """Colours (V, 3) of a texture (1, 3, R, R), from one of each vertex's places in it."""
    grid = head.uv * torch.tensor([2.0, -2.0]) + torch.tensor([-1.0, 1.0])
    colours = F.grid_sample(texture, grid[None, None], align_corners=False)[0, :, 0].T
    found = torch.zeros(len(head.template), 3)
    found[head.faces] = colours[head.uv_faces]
    return found


@pytest.mark.usefixtures("flame_home")
def test_skin_keeps_its_colours(head: HeadModel) -> None:
    flame = HeadModel.load("flame")
    assert flame.transfer is not None
    generator = small()
    carried = generator_for(flame, generator)
    assert isinstance(carried.synthesis, CarriedSynthesis)
    assert generator_for(head, generator) is generator
    rows = torch.linspace(-1, 1, 64)
    picture = torch.stack([*torch.meshgrid(rows, rows, indexing="ij"), 0 * rows[:, None].expand(64, 64)])  # fmt: skip # noqa: E501
    grid = carried.synthesis.grid[None]
    moved = F.grid_sample(picture[None], grid, padding_mode="border", align_corners=False)
    face = torch.where(flame.masks["face"] > 0.9)[0]
    nearest = torch.cdist(flame.template[face], flame.transfer.placed).argmin(1)
    wanted = at_vertices(head, picture[None])[nearest]
    assert (at_vertices(flame, moved)[face] - wanted).abs().median() < 0.03


@pytest.mark.usefixtures("flame_home")
def test_same_calls_as_the_generator() -> None:
    carried = generator_for(HeadModel.load("flame"), small())
    w = carried.mapping(torch.randn(2, 64)).requires_grad_()
    texture = carried.synthesis(w)
    assert texture.shape == (2, 3, 64, 64)
    assert carried.synthesis(w, resolution=16).shape == (2, 3, 16, 16)
    assert carried.layout == "flame"
    texture.square().mean().backward()
    assert w.grad is not None
    assert w.grad.abs().max() > 0


def test_published_textures_fit_flame_only(head: HeadModel, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="--head flame"):
        generator_for(head, small("flame"))
    small("flame").save(tmp_path / "own.safetensors")
    assert Generator.load(tmp_path / "own.safetensors").layout == "flame"
    assert Generator.load("builtin").layout == "builtin"
