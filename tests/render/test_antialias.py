"""Silhouettes: how much of a pixel they cover, and where moving them leads."""

import pytest
import torch
from torch import Tensor

from clipface_cli.render import antialias, antialias_construct_topology_hash, rasterize


def coverage(pos: Tensor, tri: Tensor, size: int) -> Tensor:
    rast, _ = rasterize(pos, tri, (size, size))
    return antialias((rast[..., 3:] > 0).float(), rast, pos, tri)[0, ..., 0]


def rectangle(left: float, right: float, bottom: float, top: float) -> tuple[Tensor, Tensor]:
    corners = [[left, bottom], [right, bottom], [right, top], [left, top]]
    pos = torch.cat([torch.tensor(corners), torch.tensor([[0.0, 1.0]]).expand(4, 2)], 1)
    return pos[None], torch.tensor([[0, 1, 2], [0, 2, 3]])


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.25, 0.5, 0.77, 0.99])
def test_an_upright_edge_covers_its_share(shift: float) -> None:
    """Edges at x = 2 + shift and y = 12 - shift in pixels of a 16 pixel image."""
    pos, tri = rectangle((2 + shift) / 8 - 1, 0.5, -0.5, (12 - shift) / 8 - 1)
    image = coverage(pos, tri, 16)
    assert torch.allclose(image[6, 2], torch.tensor(1 - shift), atol=1e-5)
    assert torch.allclose(image[11, 8], torch.tensor(1 - shift), atol=1e-5)
    assert torch.allclose(image.sum(), torch.tensor((10 - shift) * (8 - shift)), atol=1)


def test_an_inner_edge_is_left_alone() -> None:
    pos, tri = rectangle(-2, 2, -2, 2)
    rast, _ = rasterize(pos, tri, (16, 16))
    color = torch.rand(1, 16, 16, 3)
    assert torch.equal(antialias(color, rast, pos, tri), color)


def ball(radius: float | Tensor, at: Tensor, corners: int = 60) -> tuple[Tensor, Tensor]:
    angle = torch.arange(corners) * (2 * torch.pi / corners) + 0.1
    rim = radius * torch.stack([angle.cos(), angle.sin()], 1)
    pos = torch.cat([torch.zeros(1, 2), rim]) + at
    i = torch.arange(corners)
    tri = torch.stack([0 * i, i + 1, (i + 1) % corners + 1], 1)
    return torch.cat([pos, torch.tensor([[0.0, 1.0]]).expand(len(pos), 2)], 1)[None], tri


def test_growing_a_disc_grows_its_area() -> None:
    radius = torch.tensor(0.6, requires_grad=True)
    image = coverage(*ball(radius, torch.tensor([0.03, -0.02])), 64)
    area = 30 * torch.sin(torch.tensor(2 * torch.pi / 60)) * 32**2
    assert torch.isclose(image.sum(), 0.36 * area, rtol=5e-3)
    (slope,) = torch.autograd.grad(image.sum(), radius)
    assert torch.isclose(slope, 2 * 0.6 * area, rtol=3e-2)


@pytest.mark.parametrize("direction", [(1.0, 0.0), (0.6, 0.8), (0.7, -0.7)])
def test_moving_a_disc_agrees_with_finite_differences(direction: tuple[float, float]) -> None:
    y, x = torch.meshgrid(torch.linspace(-1, 1, 64), torch.linspace(-1, 1, 64), indexing="ij")
    target = torch.sin(3 * x + 1) * torch.cos(2 * y) + x

    def loss(step: Tensor) -> Tensor:
        return (coverage(*ball(0.6, step * torch.tensor(direction)), 64) * target).sum()

    step = torch.tensor(0.0, requires_grad=True)
    (slope,) = torch.autograd.grad(loss(step), step)
    with torch.no_grad():
        expected = (loss(torch.tensor(0.04)) - loss(torch.tensor(-0.04))) / 0.08
    assert torch.isclose(slope, expected, rtol=0.05)


def test_topology() -> None:
    """Two triangles share 1-2; of three at an edge none has a single neighbour."""
    fan = torch.tensor([[0, 1, 2], [3, 2, 1]])
    assert antialias_construct_topology_hash(fan).tolist() == [[3, -1, -1], [0, -1, -1]]
    shared = torch.tensor([[0, 1, 2], [3, 2, 1], [4, 1, 2]])
    assert (antialias_construct_topology_hash(shared) == -1).all()


def test_given_topology_and_boost(grid) -> None:
    pos, tri = grid(2, seed=5)
    pos = (pos * torch.tensor([0.7, 0.7, 1, 1])).requires_grad_()
    rast = rasterize(pos, tri, (32, 32))[0].detach()
    color = torch.rand(2, 32, 32, 3)
    topology = antialias_construct_topology_hash(tri)
    plain = antialias(color, rast, pos, tri)
    boosted = antialias(color, rast, pos, tri, topology, 2.0)
    assert torch.equal(plain, boosted)
    one, two = (torch.autograd.grad(x.square().sum(), pos)[0] for x in (plain, boosted))
    assert torch.allclose(2 * one, two)
