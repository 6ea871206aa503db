"""Fréchet distance (FID) of feature sets, from means and covariances that are gathered in batches.

Heusel et al. 2017: GANs trained by a two time-scale update rule.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.errors import InputError


@dataclass(frozen=True)
class Statistics:
    """Of a set of features, in float64: count, mean (D,), scatter (D, D).

    scatter: the sum of outer products of deviations from the mean. features: the name of what the
    features come from; sets of different features are never compared.
    """

    count: int
    mean: Tensor
    scatter: Tensor
    features: str = ""

    @classmethod
    def of(cls, features: Tensor, name: str = "") -> Statistics:
        """Of features (N, D), N at least 1, from the network called `name`."""
        rows = _rows(features, 1)
        mean = rows.mean(0)
        return cls(len(rows), mean, (rows - mean).T @ (rows - mean), name)

    def merged(self, other: Statistics) -> Statistics:
        """Of both sets together; InputError where their features differ."""
        _check_same(self, other)
        count = self.count + other.count
        apart = other.mean - self.mean
        between = torch.outer(apart, apart) * (self.count * other.count / count)
        mean = self.mean + apart * (other.count / count)
        return Statistics(count, mean, self.scatter + other.scatter + between, self.features)

    @property
    def covariance(self) -> Tensor:
        """Unbiased, (D, D); of one row alone: zeros."""
        return self.scatter / max(self.count - 1, 1)


def frechet_distance(real: Tensor, fake: Tensor) -> float:
    """Of normal distributions fitted to features (N, D) and (M, D), N and M at least 2.

    It falls with the number of samples: compare sets of the same sizes only.
    """
    a, b = (Statistics.of(_rows(features, 2)) for features in (real, fake))
    return frechet_of_statistics(a, b)


def frechet_of_statistics(real: Statistics, fake: Statistics) -> float:
    """|m - m'|^2 + tr(C + C' - 2 (C C')^1/2); InputError where the features differ.

    The root's trace is taken from the symmetric (C^1/2 C' C^1/2)^1/2, whose eigenvalues are the
    same: real, and no worse where a covariance is singular, as with fewer samples than dimensions.
    """
    _check_same(real, fake)
    a, b = real.covariance, fake.covariance
    values, vectors = torch.linalg.eigh(a)
    root = vectors * values.clamp_min(0).sqrt() @ vectors.T
    product = torch.linalg.eigvalsh(root @ b @ root)
    trace = a.trace() + b.trace() - 2 * product.clamp_min(0).sqrt().sum()
    return float((real.mean - fake.mean).square().sum() + trace.clamp_min(0))


def frechet_distance_with_error(
    real: Tensor, fake: Tensor, groups: int = 10
) -> tuple[float, float]:
    """The distance of features (N, D) and (M, D), and its standard error.

    The error is that of the jackknife: either set is cut into `groups`, and the distance computed
    anew without each pair of groups. Raises InputError for sets with fewer rows than groups.
    """
    sets = [_rows(features, groups) for features in (real, fake)]
    parts = [[Statistics.of(part) for part in rows.tensor_split(groups)] for rows in sets]
    left = [
        frechet_of_statistics(*(_merged(some[:k] + some[k + 1 :]) for some in parts))
        for k in range(groups)
    ]
    spread = torch.tensor(left, dtype=torch.float64, device="cpu").var(correction=0)
    whole = frechet_of_statistics(*(_merged(some) for some in parts))
    return whole, float((spread * (groups - 1)).sqrt())


def _merged(parts: list[Statistics]) -> Statistics:
    return functools.reduce(Statistics.merged, parts)


def _check_same(a: Statistics, b: Statistics) -> None:
    if a.features != b.features or a.mean.shape != b.mean.shape:
        raise InputError(
            f"Features of {a.features or 'one network'} and {b.features or 'another'} cannot be "
            "compared; compute both sets with one of them."
        )


def _rows(features: Tensor, least: int) -> Tensor:
    if features.ndim != 2 or len(features) < least:
        raise InputError(f"A distance between image sets needs {least} images on either side.")
    return features.detach().cpu().double()
