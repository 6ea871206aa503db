"""The scale, rotation and shift that bring corresponding points together."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Similarity(NamedTuple):
    """scale, rotation (3, 3), shift (3,) of points (N, 3)."""

    scale: float
    rotation: Tensor
    shift: Tensor

    def apply(self, points: Tensor) -> Tensor:
        """scale R points + shift."""
        return self.scale * points @ self.rotation.T + self.shift

    def undo(self, points: Tensor) -> Tensor:
        """The points that `apply` brings here."""
        return (points - self.shift) @ self.rotation / self.scale


def similarity(source: Tensor, target: Tensor, mirrored: bool = False) -> Similarity:
    """The least-squares one: target ~ scale R source + shift.

    source, target (N, 3). The rotation has determinant 1, or -1 when `mirrored`. Umeyama, 1991.
    """
    centre_s, centre_t = source.mean(0), target.mean(0)
    left, values, right = torch.linalg.svd((target - centre_t).T @ (source - centre_s))
    sign = torch.ones_like(values)
    sign[2] = torch.sign(torch.det(left @ right)) * (-1 if mirrored else 1)
    rotation = left @ torch.diag(sign) @ right
    scale = float((values * sign).sum() / (source - centre_s).square().sum())
    return Similarity(scale, rotation, centre_t - scale * rotation @ centre_s)
