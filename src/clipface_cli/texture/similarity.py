"""Structural similarity of two pictures (Wang et al. 2004)."""

import torch.nn.functional as F
from torch import Tensor

_WINDOW = 7  # pixels
_STABLE = 0.01**2, 0.03**2  # for values in 0..1


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean over windows, channels and images (B, C, H, W) in [-1, 1]; 1 for the same picture."""

    def mean(x: Tensor) -> Tensor:
        return F.avg_pool2d(x, _WINDOW, 1)

    a, b = (a + 1) / 2, (b + 1) / 2  # the term for light needs values from 0
    middle_a, middle_b = mean(a), mean(b)
    unbiased = _WINDOW**2 / (_WINDOW**2 - 1)
    spread_a = unbiased * (mean(a * a) - middle_a.square())
    spread_b = unbiased * (mean(b * b) - middle_b.square())
    shared = unbiased * (mean(a * b) - middle_a * middle_b)
    light, contrast = _STABLE
    above = (2 * middle_a * middle_b + light) * (2 * shared + contrast)
    below = (middle_a.square() + middle_b.square() + light) * (spread_a + spread_b + contrast)
    return (above / below).mean()
