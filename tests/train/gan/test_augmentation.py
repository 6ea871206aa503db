"""Augmentation and its controller, patches, random streams, regularisers."""

import pytest
import torch

from clipface_cli.train.common.sample_streams import SampleStreams, shared_stream, shuffled_rows
from clipface_cli.train.gan.ada import (
    Augmentation,
    _move,
    _Sample,
    _SampleAdjoint,
    colour,
    geometry,
)
from clipface_cli.train.gan.patches import crop, patch_corners
from clipface_cli.train.gan.regularisers import PathLength


def draws(count: int, *columns: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Only the named transforms chosen; strengths of 1 for uniform and normal draws."""
    chosen = torch.zeros(count, 7, dtype=torch.bool)
    chosen[:, list(columns)] = True
    return chosen, torch.full((count, 7), 0.25), torch.ones(count, 7)


def test_geometry_flips_turns_and_scales():
    coarse = torch.rand(1, 3, 4, 4)
    picture = torch.nn.functional.interpolate(coarse, 64, mode="bicubic")
    flipped = _move(picture, geometry(*draws(1, 0)))
    assert (flipped - picture.flip(3)).abs().mean() < 0.02
    turned = _move(picture, geometry(*draws(1, 2)))  # a quarter of a full turn
    quarter = min((turned - picture.rot90(k, (2, 3))).abs().mean() for k in (1, 3))
    assert quarter < 0.02
    scaled = geometry(*draws(1, 1))[0]
    assert torch.allclose(scaled, torch.eye(2) * 2**-0.2)  # a larger picture samples a smaller part


def test_colours_keep_grey_grey_and_scale_the_rest():
    grey, red = torch.tensor([0.3, 0.3, 0.3]), torch.tensor([0.6, -0.1, -0.2])

    def apply(columns, value):
        affine = colour(*draws(1, *columns))[0]
        return affine[:, :3] @ value + affine[:, 3]

    assert torch.allclose(apply([5, 6], grey), grey, atol=1e-6)
    assert torch.allclose(apply([3], grey), grey + 0.2)
    assert torch.allclose(apply([4], red), red * 2**0.5)
    assert torch.allclose(apply([6], red) - red.mean(), 2 * (red - red.mean()), atol=1e-6)
    turned = apply([5], red)
    assert torch.isclose(turned.sum(), red.sum(), atol=1e-6)
    assert torch.isclose(turned.norm(), red.norm(), atol=1e-6)


def test_sampling_is_linear_with_both_derivatives():
    image = torch.randn(1, 2, 5, 6, dtype=torch.float64, requires_grad=True)
    grid = torch.rand(1, 4, 4, 2, dtype=torch.float64) * 3 - 1.5
    assert torch.autograd.gradcheck(lambda x: _Sample.apply(x, grid), image)
    assert torch.autograd.gradgradcheck(lambda x: _Sample.apply(x, grid), image)
    grad = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda g: _SampleAdjoint.apply(g, grid, image.shape), grad)


def test_probability_follows_r_t():
    augmentation = Augmentation(target=0.6, images=100)
    images = torch.randn(4, 3, 16, 16)
    streams = SampleStreams.for_step(0, 0, range(4))
    assert augmentation(images, streams) is images
    augmentation.observe(torch.tensor([3.0, 2.0, 1.0, 0.5]))
    assert augmentation.adjust(20) == 1.0
    assert augmentation.probability == pytest.approx(0.2)
    augmentation.observe(torch.tensor([3.0, -2.0]))
    assert augmentation.adjust(50) == 0.0
    assert augmentation.probability == 0
    augmentation.probability.fill_(1.0)
    assert not torch.allclose(augmentation(images, streams), images)


def test_patches_hold_what_the_image_shows_there():
    images = torch.randn(2, 3, 32, 32)
    corners = patch_corners(shared_stream(0, 5), 4, 8, 32)
    assert torch.equal(corners, patch_corners(shared_stream(0, 5), 4, 8, 32))
    assert corners.min() >= 0
    assert corners.max() <= 24
    patches = crop(images, corners, 8)
    (y, x), image, place = corners[3].tolist(), 1, 3
    assert torch.equal(patches[image * 4 + place], images[image, :, y : y + 8, x : x + 8])


def test_streams_depend_on_the_sample_index_alone():
    whole = SampleStreams.for_step(1, 2, range(8))
    part = SampleStreams.for_step(1, 2, range(1, 8, 2))
    assert torch.equal(whole.normal(5)[1::2], part.normal(5))
    assert torch.equal(whole.uniform(2, 2)[1::2], part.uniform(2, 2))
    assert torch.equal(whole.normal_on_device(1, 4, 4)[1::2], part.normal_on_device(1, 4, 4))
    assert not torch.equal(
        SampleStreams.for_step(1, 3, [0]).normal(5), SampleStreams.for_step(1, 2, [0]).normal(5)
    )


def test_every_epoch_shows_every_row_once():
    rows = torch.cat([shuffled_rows(3, 0, 7, 10), shuffled_rows(3, 7, 25, 10)])
    assert torch.equal(rows, shuffled_rows(3, 0, 25, 10))
    assert rows[:10].sort().values.tolist() == list(range(10))
    assert rows[10:20].sort().values.tolist() == list(range(10))
    assert not torch.equal(rows[:10], rows[10:20])


def test_path_lengths_of_a_linear_map():
    matrix = torch.randn(3 * 4 * 4, 6)
    w = torch.randn(2, 1, 6, requires_grad=True)
    noise = torch.randn(2, 3, 4, 4)
    lengths = PathLength.lengths((w[:, 0] @ matrix.T).view(2, 3, 4, 4), w, noise)
    assert torch.allclose(lengths, (noise.flatten(1) @ matrix).norm(dim=1) / 4)
    path = PathLength()
    path.update_mean(lengths.mean())
    assert torch.isclose(path.mean, 0.01 * lengths.mean())
    assert torch.allclose(path.penalty(lengths), (lengths - path.mean).square().mean())
