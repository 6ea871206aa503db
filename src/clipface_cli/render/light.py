"""Light on heads: spherical-harmonics ambient, a Lambert key light, and soft highlights."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.render._check import check_tensor

# The nine harmonics as DECA scales them: each band's part of a Lambert surface's answer.
_SCALES = (
    math.sqrt(1 / (4 * math.pi)),
    *3 * (2 * math.pi / 3 * math.sqrt(3 / (4 * math.pi)),),
    *3 * (math.pi / 4 * 3 * math.sqrt(5 / (12 * math.pi)),),
    math.pi / 4 * 1.5 * math.sqrt(5 / (12 * math.pi)),
    math.pi / 4 * 0.5 * math.sqrt(5 / (4 * math.pi)),
)

_EPSILON = 1e-8  # least length of a direction
_LEAST_COSINE = 1e-4  # base of the highlights' power, whose gradient must stay finite
_GRAZING = 0.25  # cosine of light below which highlights fade
_KEY = (-0.45, 0.55, 0.9)  # direction to the studio's key light: upper left, before the face
_KEY_COLOUR = (0.50, 0.49, 0.47)  # slightly warm
_AMBIENT, _FROM_ABOVE = 0.55, 0.08  # studio irradiance: everywhere, and more from above
_GLOSS = 0.12  # strength of the studio's highlights on skin


@dataclass(frozen=True)
class Light:
    """Light in the camera's frame: x right, y up, z toward the camera; it stays when heads turn.

    Attributes:
        ambient: (B, 27) or (B, 9, 3) spherical-harmonics coefficients of red, green and blue, in
            DECA's order and scale; B may be 1 here and below.
        toward: (B, 3) direction to the key light, of any length but zero.
        key: (B, 3) colour of the key light.
        gloss: strength of its highlights.
        sharpness: exponent of the highlights; higher is smaller.
    """

    ambient: Tensor
    toward: Tensor
    key: Tensor
    gloss: float = 0.0
    sharpness: float = 12.0

    def __post_init__(self) -> None:
        for name in ("ambient", "toward", "key"):
            check_tensor(f"light.{name}", getattr(self, name))
        if self.ambient.shape[1:] not in ((27,), (9, 3)):
            raise ValueError(
                f"ambient must have shape (B, 27) or (B, 9, 3), not {tuple(self.ambient.shape)}"
            )
        for name, value in (("toward", self.toward), ("key", self.key)):
            if value.ndim != 2 or value.shape[1] != 3:
                raise ValueError(f"{name} must have shape (B, 3), not {tuple(value.shape)}")

    @classmethod
    def harmonics(cls, coefficients: Tensor) -> "Light":
        """Ambient light alone, from (B, 27) or (B, 9, 3) coefficients such as DECA's."""
        toward = coefficients.new_tensor([[0.0, 0.0, 1.0]])
        return cls(coefficients, toward, torch.zeros_like(toward))

    @classmethod
    def studio(cls, device: torch.device | str = "cpu") -> "Light":
        """Soft light from above and a key light from the upper left, for people to look at."""
        ambient = torch.zeros(1, 9, 3, device=device)
        ambient[0, 0] = _AMBIENT / _SCALES[0]
        ambient[0, 2] = _FROM_ABOVE / _SCALES[2]
        toward = ambient.new_tensor([_KEY])
        key = ambient.new_tensor([_KEY_COLOUR])
        return cls(ambient, toward, key, gloss=_GLOSS)

    def to(self, device: torch.device | str) -> "Light":
        """The same light on another device."""
        ambient, toward, key = (x.to(device) for x in (self.ambient, self.toward, self.key))
        return Light(ambient, toward, key, self.gloss, self.sharpness)


def shade(albedo: Tensor, normals: Tensor, views: Tensor, light: Light) -> Tensor:
    """Light that surfaces send to the camera.

    Args:
        albedo: (B, H, W, 3) in 0..1.
        normals: (B, H, W, 3) of any length, in the camera's frame.
        views: (B, H, W, 3) directions to the camera, of any length.
        light: what falls on them.

    Returns:
        (B, H, W, 3), 1 for white in full light; may exceed it.
    """
    normals, views = (
        torch.nn.functional.normalize(x, dim=-1, eps=_EPSILON) for x in (normals, views)
    )
    toward = torch.nn.functional.normalize(light.toward.to(albedo), dim=-1)[:, None, None]
    key = light.key.to(albedo)[:, None, None]
    facing = (normals * toward).sum(-1, keepdim=True).clamp(min=0)
    color = albedo * (irradiance(normals, light.ambient) + key * facing)
    if light.gloss == 0:
        return color
    half = torch.nn.functional.normalize(views + toward, dim=-1, eps=_EPSILON)
    peak = (normals * half).sum(-1, keepdim=True).clamp(min=_LEAST_COSINE) ** light.sharpness
    return color + light.gloss * key * peak * facing.clamp(max=_GRAZING) / _GRAZING


def irradiance(normals: Tensor, coefficients: Tensor) -> Tensor:
    """Spherical harmonics' light (B, H, W, 3) on unit normals, from (B, 27) or (B, 9, 3)."""
    x, y, z = normals.unbind(-1)
    basis = torch.stack(
        [torch.ones_like(x), x, y, z, x * y, x * z, y * z, x * x - y * y, 3 * z * z - 1], -1
    )
    weights = coefficients.to(normals).reshape(-1, 9, 3) * normals.new_tensor(_SCALES)[:, None]
    return torch.einsum("bhwk,bkc->bhwc", basis, weights.expand(len(normals), 9, 3))
