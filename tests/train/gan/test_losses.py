"""Losses, loss weights and whitening."""

import torch
from torch import nn

from clipface_cli.train.common.sample_streams import SampleStreams
from clipface_cli.train.gan.colour_loss import ColourLoss
from clipface_cli.train.gan.losses import (
    discriminator_loss,
    generator_loss,
    reconstruction_loss,
    weighted_psnr,
)
from clipface_cli.train.gan.regularisers import PathLength, gradient_penalty
from clipface_cli.train.gan.weight_map import region_map, weight_map
from clipface_cli.train.gan.whitening import COARSE, GAINS, whiten


def test_reconstruction_sees_colour_and_detail():
    weight, flat = torch.ones(1, 1, 64, 64), torch.zeros(1, 3, 64, 64)
    assert reconstruction_loss(flat, flat, weight) == 0
    shifted = flat + 0.1
    ripple = flat + 0.1 * (torch.arange(64) % 2 * 2 - 1)
    assert reconstruction_loss(shifted, flat, weight) > 0
    assert reconstruction_loss(ripple, flat, weight) > 2 * reconstruction_loss(
        shifted, flat, weight
    )
    assert abs(weighted_psnr(flat + 0.02, flat, weight) - 40) < 1e-3


def test_reconstruction_written_out():
    """L1 and L2, and twice the L1 of each Laplacian band, with weights of the band's size."""
    torch.manual_seed(2)
    error, weight = torch.randn(2, 3, 64, 64), torch.rand(1, 1, 64, 64)
    target = torch.randn(2, 3, 64, 64)
    coarse = error.unflatten(2, (32, 2)).unflatten(4, (32, 2)).mean((3, 5))
    spread = nn.functional.interpolate(coarse, scale_factor=2, mode="bilinear")
    expected = (weight * (error.abs() + error**2)).mean()
    expected = expected + 2 * (weight * (error - spread).abs()).mean()
    assert torch.allclose(reconstruction_loss(target + error, target, weight), expected, rtol=1e-4)


def test_path_length_of_a_linear_generator():
    """|J_w^T y| of a matrix, whose transpose times y it is, and its moving average."""
    torch.manual_seed(0)
    matrix, noise = torch.randn(3 * 4 * 4, 5), torch.randn(2, 3, 4, 4)
    w = torch.randn(2, 3, 5, requires_grad=True)
    textures = (w.mean(1) @ matrix.T).view(2, 3, 4, 4)
    lengths = PathLength.lengths(textures, w, noise)
    pulled = (noise.flatten(1) / 4) @ matrix / 3  # of each of the three levels
    assert torch.allclose(lengths, pulled.norm(dim=1), rtol=1e-4)
    path = PathLength()
    path.update_mean(torch.tensor(2.0))
    assert torch.allclose(path.mean, torch.tensor(0.02))
    assert torch.allclose(path.penalty(torch.tensor([1.02, 0.02])), torch.tensor(0.5))


def test_adversarial_losses_are_the_logistic_ones():
    real, fake = torch.tensor([2.0, -1.0]), torch.tensor([0.5, -3.0, 1.0])
    assert torch.allclose(generator_loss(fake), -fake.sigmoid().log().mean())
    expected = -real.sigmoid().log().mean() - (1 - fake.sigmoid()).log().mean()
    assert torch.allclose(discriminator_loss(real, fake), expected)


def test_gradient_penalty_of_a_linear_discriminator():
    discriminator = nn.Sequential(nn.Flatten(), nn.Linear(3 * 8 * 8, 1))
    expected = discriminator[1].weight.square().sum() / 2
    assert torch.allclose(gradient_penalty(discriminator, torch.randn(5, 3, 8, 8)), expected)


def test_weights_favour_the_face(head):
    weight = weight_map(head, 64)
    assert abs(weight.mean() - 1) < 1e-5
    assert weight.min() > 0
    face, scalp = (region_map(head, name, 64) for name in ("face", "scalp"))
    assert 0 <= face.min() < face.max() <= 1
    assert (weight * face).sum() / face.sum() > 2 * (weight * scalp).sum() / scalp.sum()


def test_whitening_brings_detail_forward():
    flat, stripes = torch.full((1, 3, 32, 32), 0.5), (torch.arange(32) % 2 * 2.0 - 1).expand(32, 32)
    ripple = 0.01 * stripes.expand(1, 3, 32, 32)
    assert torch.allclose(whiten(flat), COARSE * flat)
    assert torch.allclose(whiten(ripple), GAINS[0] * ripple)
    assert torch.allclose(whiten(flat + ripple), whiten(flat) + whiten(ripple), atol=1e-6)


def test_the_colour_loss_sees_colours_and_not_detail(corpus_folder):
    colour_loss = ColourLoss(corpus_folder, 32)
    z, targets = colour_loss.draw(SampleStreams.for_step(0, 0, range(2)), 512)
    assert z.shape == (2, 512)
    ripple = 0.1 * (torch.arange(32) % 2 * 2.0 - 1)
    assert colour_loss(targets, targets) == 0
    assert colour_loss(targets + ripple, targets) < 1e-6
    assert abs(colour_loss(targets + 0.1, targets) - 0.1) < 1e-3
