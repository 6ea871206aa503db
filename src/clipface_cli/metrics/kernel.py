"""Kernel distance (KID) of feature sets, unbiased, in memory that does not grow with N x N.

Bińkowski et al. 2018: Demystifying MMD GANs.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.errors import InputError

BLOCK = 1024  # rows of a block of the kernel matrix
_LEAST = 2  # rows, which make a pair


@dataclass(frozen=True)
class KernelDistance:
    """value: unbiased, so it may fall a little below 0; error: its standard error, not a number for
    sets of two.
    """

    value: float
    error: float


def kernel_distance(real: Tensor, fake: Tensor) -> float:
    """Squared maximum mean discrepancy of features (N, D) and (M, D) under (x.y / D + 1)^3.

    Unbiased: on average it does not depend on the number of samples. InputError below 2 rows.
    """
    return kernel_distance_with_error(real, fake).value


def kernel_distance_with_error(real: Tensor, fake: Tensor) -> KernelDistance:
    """`kernel_distance` of features (N, D) and (M, D), and its standard error.

    The error is the jackknife's over the rows of either set, each left out once; it needs only the
    sums of the kernel matrix's rows. InputError below 3 rows.
    """
    _check(real, fake)
    within = [_sums_within(features) for features in (real, fake)]
    across = _sums_across(real, fake)
    value = _value(within[0].sum(), len(real), within[1].sum(), len(fake), across[0].sum())
    variance = _jackknife(within[0], within[1].sum(), len(fake), across[0])
    variance += _jackknife(within[1], within[0].sum(), len(real), across[1])
    return KernelDistance(float(value), float(variance.sqrt()))


def _value(own: Tensor, n: int, other: Tensor, m: int, across: Tensor) -> Tensor:
    """The statistic from sums over pairs of different rows, and over pairs of one row each."""
    return own / (n * (n - 1)) + other / (m * (m - 1)) - 2 * across / (n * m)


def _jackknife(own: Tensor, other: Tensor, m: int, across: Tensor) -> Tensor:
    """Variance through the rows of one set: row sums `own` (N,) within it, `across` (N,) to the
    other, whose m rows have the sum `other`."""
    n = len(own)
    if n <= _LEAST:
        return own.new_tensor(torch.nan)
    left = own.sum() - 2 * own
    values = left / ((n - 1) * (n - 2)) - 2 * (across.sum() - across) / ((n - 1) * m)
    values = values + other / (m * (m - 1))
    return (n - 1) / n * (values - values.mean()).square().sum()


def _sums_within(features: Tensor) -> Tensor:
    """Sums (N,) over the rows of the kernel matrix of (N, D) with itself, but for its diagonal.

    The matrix is symmetric: blocks above the diagonal serve twice.
    """
    sums = _zeros(features)
    for first in range(0, len(features), BLOCK):
        rows = _block(features, first)
        own = _kernel(rows, rows)
        sums[first : first + BLOCK] += own.sum(1) - own.diagonal()
        for second in range(first + BLOCK, len(features), BLOCK):
            kernel = _kernel(rows, _block(features, second))
            sums[first : first + BLOCK] += kernel.sum(1)
            sums[second : second + BLOCK] += kernel.sum(0)
    return sums


def _sums_across(a: Tensor, b: Tensor) -> tuple[Tensor, Tensor]:
    """Sums over the rows (N,) and columns (M,) of the kernel matrix of (N, D) and (M, D)."""
    rows, columns = _zeros(a), _zeros(b)
    for first in range(0, len(a), BLOCK):
        block = _block(a, first)
        for second in range(0, len(b), BLOCK):
            kernel = _kernel(block, _block(b, second))
            rows[first : first + BLOCK] += kernel.sum(1)
            columns[second : second + BLOCK] += kernel.sum(0)
    return rows, columns


def _kernel(a: Tensor, b: Tensor) -> Tensor:
    """(x.y / D + 1)^3 of rows (n, D) and (m, D)."""
    return (a @ b.T / a.shape[1] + 1) ** 3


def _block(features: Tensor, first: int) -> Tensor:
    return features[first : first + BLOCK].detach().cpu().double()


def _zeros(features: Tensor) -> Tensor:
    return torch.zeros(len(features), dtype=torch.float64, device="cpu")


def _check(real: Tensor, fake: Tensor) -> None:
    if any(f.ndim != 2 or len(f) < _LEAST for f in (real, fake)):
        raise InputError(f"A kernel distance needs at least {_LEAST} images on either side.")
    if real.shape[1] != fake.shape[1]:
        raise InputError("Features of different networks cannot be compared.")
