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
from clipface_cli.train.gan.regularisers import gradient_penalty
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
