"""Distances between two sets of features: Fréchet (Heusel et al. 2017), kernel (Bińkowski 2018)."""

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import sqrtm
from torch import Tensor

from clipface_cli.errors import InputError

Features = NDArray[np.float64]


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Between normal distributions fitted to features (N, D) and (M, D); 0 for the same.

    It falls with the number of samples: compare sets of the same sizes only.
    """
    a, b = _features(real), _features(fake)
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(np.trace(np.atleast_2d(sqrtm(np.atleast_2d(cov_a @ cov_b)))))
    between = np.square(a.mean(0) - b.mean(0)).sum()
    return float(between + np.trace(np.atleast_2d(cov_a + cov_b)) - 2 * root)


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Unbiased squared maximum mean discrepancy under the kernel (x.y / D + 1)^3.

    Does not depend on the number of samples on average, and may fall a little below 0.
    """
    a, b = _features(real), _features(fake)
    return float(_within(a) + _within(b) - 2 * _kernel(a, b).mean())


def _kernel(a: Features, b: Features) -> Features:
    return (a @ b.T / a.shape[1] + 1) ** 3


def _within(a: Features) -> float:
    """Mean over pairs of different rows."""
    alone = (np.square(a).sum(1) / a.shape[1] + 1) ** 3
    return float((_kernel(a, a).sum() - alone.sum()) / (len(a) * (len(a) - 1)))


def _features(values: Tensor) -> Features:
    if values.ndim != 2 or len(values) < 2:
        raise InputError("A distance between image sets needs at least two images on either side.")
    array: Features = values.detach().cpu().double().numpy()
    return array
