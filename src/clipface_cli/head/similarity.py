"""The scale, rotation and shift that bring corresponding points together."""

from __future__ import annotations

import torch
from torch import Tensor


def similarity(
    source: Tensor, target: Tensor, mirrored: bool = False
) -> tuple[float, Tensor, Tensor]:
    """Least-squares scale, rotation (3, 3), shift (3,): target ~ scale R source + shift.

    source, target (N, 3). The rotation has determinant 1, or -1 when `mirrored`. Umeyama, 1991.
    """
    centre_s, centre_t = source.mean(0), target.mean(0)
    left, values, right = torch.linalg.svd((target - centre_t).T @ (source - centre_s))
    sign = torch.ones(3, dtype=source.dtype)
    sign[2] = torch.sign(torch.det(left @ right)) * (-1 if mirrored else 1)
    rotation = left @ torch.diag(sign) @ right
    scale = float((values * sign).sum() / (source - centre_s).square().sum())
    return scale, rotation, centre_t - scale * rotation @ centre_s
