"""Inversion finds a code for a texture that the generator can make."""

import torch

from clipface_cli.texture import Generator, invert


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
