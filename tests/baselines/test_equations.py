"""Each baseline against a straight writing-out of its equations in the paper's appendix 8."""

import math
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from toy_guidance import MeanColour

from clipface_cli.baselines import Budget, ClipMatrix, FlameTex, Latent3d, TexturedHead
from clipface_cli.baselines.latent3d import TEMPLATES
from clipface_cli.baselines.style_field import fourier_features
from clipface_cli.baselines.text2mesh import clip_loss
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import LinearTexture

STEPS = 3
SENTENCE = "A photo of a face that looks like red"


def cosine(images: Tensor, text: Tensor) -> Tensor:
    """(N,): of the mean colours of images (N, 3, H, W) and a text (3,)."""
    seen = images.mean((2, 3))
    return (seen * text).sum(1) / (seen.square().sum(1).sqrt() * text.square().sum().sqrt())


class Drawing:
    """R of eq. 21, 25: the head from views of these degrees."""

    def __init__(self, start: TexturedHead, size: int) -> None:
        self.vertices = start.head.pose_head(start.params)
        self.renderer = Renderer(start.head, size)

    def __call__(self, texture: Tensor, yaw: Tensor, pitch: Tensor | float = 0.0) -> Tensor:
        vertices = self.vertices.expand(len(yaw), -1, -1).contiguous()
        return self.renderer(vertices, texture, Camera.turned(yaw, pitch))[0]


def angles(random: torch.Generator, count: int, most: float) -> Tensor:
    return most * (2 * torch.rand(count, generator=random) - 1)


def test_clipmatrix(start: TexturedHead, colour: MeanColour) -> None:
    """Eq. 20 to 22."""
    start = replace(start, texture=(start.texture * 6).clamp(-1, 1))  # so that some is clipped
    method = ClipMatrix(resolution=32, rate=0.2)
    found = method(start, "red", colour, Budget(STEPS), seed=5)
    drawn, (text,) = Drawing(start, 32), colour.encode_text([SENTENCE])
    random = torch.Generator().manual_seed(5)
    delta = torch.zeros_like(start.texture, requires_grad=True)
    adam, losses = torch.optim.Adam([delta], lr=0.2), []
    for _ in range(STEPS):
        yaw, pitch = angles(random, 2, 48), angles(random, 2, 15)
        t_tgt = (start.texture + delta).clamp(-1, 1)
        loss = -cosine(drawn(t_tgt, yaw, pitch), text).mean()
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    t_tgt = (start.texture + delta).clamp(-1, 1)
    assert found.losses == pytest.approx(losses, abs=1e-5)
    assert torch.allclose(found.head.texture, t_tgt, atol=1e-3)
    assert (t_tgt == 1).any()


def test_flametex(start: TexturedHead, colour: MeanColour, linear: LinearTexture) -> None:
    """Eq. 23 to 26."""
    method = FlameTex(model=linear, resolution=32, rate=0.1, norm_weight=0.01)
    found = method(start, "red", colour, Budget(STEPS), seed=5)
    drawn, (text,) = Drawing(start, 32), colour.encode_text([SENTENCE])
    random = torch.Generator().manual_seed(5)
    omega = torch.zeros(4, requires_grad=True)

    def t_tgt() -> Tensor:
        return linear.mean + sum(omega[k] * linear.basis[k : k + 1] for k in range(4))

    adam, losses = torch.optim.Adam([omega], lr=0.1), []
    for _ in range(STEPS):
        images = drawn(t_tgt(), angles(random, 1, 25))
        loss = (1 - cosine(images, text)).mean() + 0.01 * (omega**2).sum()
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert found.losses == pytest.approx(losses, abs=1e-5)
    assert torch.allclose(found.head.texture, t_tgt().clamp(-1, 1), atol=1e-4)


def test_latent3d(start: TexturedHead, colour: MeanColour) -> None:
    """Eq. 16 to 19."""

    def identity(images: Tensor) -> Tensor:
        return images[:, :, ::4].flatten(1)

    method = Latent3d(
        resolution=32, rate=0.1, identity_weight=0.3, norm_weight=0.02, identity=identity
    )
    found = method(start, "red", colour, Budget(STEPS))
    assert found.sentences == tuple(t.replace("{}", "red") for t in TEMPLATES)
    drawn, texts = Drawing(start, 32), colour.encode_text(list(found.sentences))
    network, w = start.generator.synthesis, start.w
    c = network.first_block.conv1(network.first_block.const[None], w[:, 0], "const")
    c = c.detach()
    delta = torch.zeros_like(c, requires_grad=True)

    def texture() -> Tensor:
        x = c + delta
        image = network.first_block.torgb(x, w[:, 1])
        for k, block in enumerate(network.blocks):
            x, image = block(x, image, w[:, 2 * k + 1 : 2 * k + 4], "const")
        return image.clamp(-1, 1)

    views = torch.tensor([3.0, 30.0, -30.0])
    original = identity(drawn(texture(), views)[:1]).detach()
    adam, losses = torch.optim.Adam([delta], lr=0.1), []
    for _ in range(STEPS):
        images = drawn(texture(), views)
        l_clip = sum((1 - cosine(images, t)).sum() for t in texts) / (len(texts) * len(views))
        l_id = 1 - F.cosine_similarity(original, identity(images[:1])).sum()
        l_l2 = ((c - (c + delta)) ** 2).sum().clamp_min(1e-20).sqrt()
        loss = l_clip + 0.3 * l_id + 0.02 * l_l2
        losses.append(loss.item())
        adam.zero_grad()
        loss.backward()
        adam.step()
    assert found.losses == pytest.approx(losses, abs=1e-4)
    assert torch.allclose(found.head.texture, texture(), atol=1e-2)
    untouched = start.generator.synthesis(w).clamp(-1, 1)
    assert not torch.allclose(found.head.texture, untouched, atol=0.05)  # and no hook is left


def test_text2mesh_features() -> None:
    """Eq. 27."""
    places, frequencies = torch.randn(5, 3), torch.randn(2, 3)
    found = fourier_features(places, frequencies)
    for p, row in zip(places.tolist(), found.tolist(), strict=True):
        turns = [2 * math.pi * sum(b * x for b, x in zip(f, p, strict=True)) for f in frequencies]
        wanted = [math.cos(float(t)) for t in turns] + [math.sin(float(t)) for t in turns]
        assert row == pytest.approx(wanted, abs=1e-5)


def test_text2mesh_loss() -> None:
    """Eq. 28, as the authors average views and sum augmentations."""
    embedded, text = torch.randn(3, 4, 6), F.normalize(torch.randn(1, 6))
    wanted = -sum(F.cosine_similarity(views.mean(0), text[0], dim=0) for views in embedded)
    assert torch.allclose(clip_loss(embedded, text), wanted)
