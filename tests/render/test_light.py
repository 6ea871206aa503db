"""Light: harmonics as DECA's, Lambert, highlights."""

import math

import pytest
import torch
from torch import Tensor

from clipface_cli.render import Light
from clipface_cli.render.light import irradiance, shade


def directions(*shape: int) -> Tensor:
    torch.manual_seed(0)
    return torch.nn.functional.normalize(torch.randn(*shape, 3, dtype=torch.float64), dim=-1)


def test_harmonics_are_decas() -> None:
    """Band by band, from the published constants written out."""
    normals, light = directions(1, 4, 5), torch.randn(1, 9, 3, dtype=torch.float64)
    x, y, z = normals.unbind(-1)
    first, second, third = 0.2820948, 1.0233267, 0.8580855
    basis = [
        first * torch.ones_like(x), second * x, second * y, second * z,
        2 * third * x * y / 2, 2 * third * x * z / 2, 2 * third * y * z / 2,
        third / 2 * (x * x - y * y), third / (2 * math.sqrt(3)) * (3 * z * z - 1),
    ]  # fmt: skip
    expected = sum(light[0, k] * value[..., None] for k, value in enumerate(basis))
    assert torch.allclose(irradiance(normals, light), expected, atol=1e-5)
    assert torch.allclose(irradiance(normals, light.flatten(1)), expected, atol=1e-5)


def test_only_the_first_harmonic_is_even_light() -> None:
    coefficients = torch.zeros(1, 27)
    coefficients[:, :3] = math.sqrt(4 * math.pi)
    albedo, normals = torch.rand(2, 3, 4, 3), directions(2, 3, 4).float()
    lit = shade(albedo, normals, normals, Light.harmonics(coefficients))
    assert torch.allclose(lit, albedo, atol=1e-6)


def test_lambert_and_highlight() -> None:
    """Full light from in front, none from behind; a highlight where the mirror direction is."""
    angle = torch.linspace(0, math.pi, 9)
    normals = torch.stack([angle.sin(), 0 * angle, angle.cos()], -1).view(1, 1, 9, 3)
    toward, key = torch.tensor([[0.0, 0, 2]]), torch.ones(1, 3)
    light = Light(torch.zeros(1, 27), toward, key)
    views = torch.tensor([0.0, 0, 1]).expand_as(normals)
    lit = shade(torch.full((1, 1, 9, 3), 0.5), normals, views, light)
    assert torch.allclose(lit[0, 0, :, 0], 0.5 * angle.cos().clamp(min=0), atol=1e-6)
    glossy = Light(torch.zeros(1, 27), toward, key, gloss=0.3)
    extra = (shade(torch.full((1, 1, 9, 3), 0.5), normals, views, glossy) - lit)[0, 0, :, 0]
    assert torch.isclose(extra[0], torch.tensor(0.3))
    assert (extra[:4].diff() < 0).all()
    assert extra[5:].abs().max() < 1e-6


def test_gradcheck() -> None:
    normals, views = directions(1, 2, 2).requires_grad_(), directions(1, 2, 2)
    albedo = torch.rand(1, 2, 2, 3, dtype=torch.float64, requires_grad=True)
    parts = [torch.randn(1, *n, dtype=torch.float64, requires_grad=True) for n in ((9, 3), (3,))]

    def lit(albedo: Tensor, normals: Tensor, ambient: Tensor, toward: Tensor) -> Tensor:
        return shade(albedo, normals, views, Light(ambient, toward, toward.abs(), gloss=0.2))

    torch.autograd.gradcheck(lit, (albedo, normals, *parts))


def test_bad_shapes_are_named() -> None:
    good = torch.zeros(1, 27), torch.ones(1, 3), torch.ones(1, 3)
    for i, name in enumerate(("ambient", "toward", "key")):
        with pytest.raises(ValueError, match=name):
            Light(*good[:i], torch.zeros(1, 5), *good[i + 1 :])
