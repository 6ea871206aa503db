"""Inversion finds a code for a texture that the generator can make."""

import pytest
import torch

from clipface_cli.texture import Generator, invert, ssim


def test_inversion_comes_close():
    torch.manual_seed(0)
    generator = Generator.create(32, channel_base=512, channel_max=16, z_dim=32, mapping_layers=2)
    generator.eval().requires_grad_(False)
    target = generator(torch.randn(1, 32))
    w = invert(generator, target, steps=60)
    assert w.shape == (1, generator.num_ws, generator.w_dim)
    start = generator.synthesis(generator.mapping(torch.randn(64, 32)))
    nearest = (start - target).abs().mean((1, 2, 3)).min()
    assert (generator.synthesis(w) - target).abs().mean() < nearest / 2
    assert torch.equal(w, invert(generator, target, steps=60))


def test_one_code_for_a_picture_of_the_texture():
    """`show` makes the target a picture; in space w every level has the same code."""
    torch.manual_seed(0)
    generator = Generator.create(32, channel_base=512, channel_max=16, z_dim=32, mapping_layers=2)
    generator.eval().requires_grad_(False)

    def mirrored(texture):
        return texture.flip(3)

    target = generator(torch.randn(1, 32))
    w = invert(generator, mirrored(target), steps=40, space="w", show=mirrored)
    assert torch.allclose(w, w[:, :1].expand_as(w))
    plain = generator(torch.zeros(1, 32))
    assert (generator.synthesis(w) - target).abs().mean() < (plain - target).abs().mean()


def test_structural_similarity():
    torch.manual_seed(0)
    picture = torch.rand(1, 3, 32, 32) * 2 - 1
    assert ssim(picture, picture) == pytest.approx(1)
    assert ssim(picture, torch.rand_like(picture)) < 0.2
    assert ssim(picture, picture + 0.05) > 0.9 > ssim(picture, picture.flip(2))
