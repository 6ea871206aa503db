"""Distances against closed forms, the scorer's independence, the linear texture model."""

import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.metrics import (
    PcaTexture,
    clip_score,
    frechet_distance,
    image_features,
    kernel_distance,
)


class Tower:
    """Embeds an image as its mean colour, a prompt as red."""

    def __init__(self, name: str) -> None:
        self.name = name

    def encode_image(self, images):
        return images.mean((2, 3))

    def encode_text(self, prompts):
        return torch.tensor([[1.0, 0.0, 0.0]]).repeat(len(prompts), 1)


def test_frechet_distance_of_normal_distributions():
    torch.manual_seed(0)
    a, b = torch.randn(40_000, 3), torch.randn(40_000, 3)
    scale, shift = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.0, 1.0, 0.0])
    expected = 1.0 + (scale - 1).square().sum()
    assert frechet_distance(a, b * scale + shift) == pytest.approx(float(expected), rel=0.05)
    assert frechet_distance(a, a) == pytest.approx(0, abs=1e-6)


def test_kernel_distance_is_unbiased():
    torch.manual_seed(0)
    same = [kernel_distance(torch.randn(20, 4), torch.randn(20, 4)) for _ in range(200)]
    assert abs(sum(same) / 200) < 0.1
    assert kernel_distance(torch.randn(50, 4), torch.randn(50, 4) + 2) > 1
    x, y = torch.randn(3, 2, dtype=torch.float64), torch.randn(4, 2, dtype=torch.float64)
    kernel = lambda a, b: (a @ b / 2 + 1) ** 3  # noqa: E731
    within = [
        sum(kernel(s[i], s[j]) for i in range(len(s)) for j in range(len(s)) if i != j)
        / (len(s) * (len(s) - 1))
        for s in (x, y)
    ]
    across = sum(kernel(a, b) for a in x for b in y) / 12
    assert kernel_distance(x, y) == pytest.approx(float(sum(within) - 2 * across))


def test_features_and_too_few_images():
    features = image_features(Tower("a"), [torch.ones(2, 3, 4, 4), torch.zeros(1, 3, 4, 4)])
    assert features.tolist() == [[1, 1, 1], [1, 1, 1], [0, 0, 0]]
    with pytest.raises(InputError, match="at least two"):
        frechet_distance(features, features[:1])


def test_the_guide_does_not_score_itself():
    red = torch.tensor([1.0, 0.0, 0.0])[None, :, None, None].expand(2, 3, 4, 4)
    assert clip_score(red, "red", [Tower("a"), Tower("b")], guide="a") == pytest.approx(1.0)
    with pytest.raises(InputError, match="add another model"):
        clip_score(red, "red", [Tower("a")], guide="a")


def test_pca_recovers_a_linear_model():
    torch.manual_seed(0)
    basis = torch.randn(2, 3, 8, 8) * torch.tensor([0.1, 0.05])[:, None, None, None]
    textures = 0.1 + torch.einsum("nk,kcxy->ncxy", torch.randn(300, 2), basis)
    model = PcaTexture.fit(textures, 2)
    lengths = [x.flatten(1).norm(dim=1) for x in (model.components, basis)]
    assert torch.allclose(*lengths, rtol=0.2)
    samples = model.sample(400, seed=1)
    assert torch.allclose(samples.std(0).mean(), textures.std(0).mean(), rtol=0.1)
    assert torch.equal(samples, model.sample(400, seed=1))
    with pytest.raises(InputError):
        PcaTexture.fit(textures[:2], 2)
