"""Mahalanobis distance of code changes under the mapping network's codes."""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from clipface_cli.texture import Generator

SAMPLES = 4096  # codes whose covariance is taken: eight for each of its 512 directions
_LEAST_VARIANCE = 1e-3  # of the largest; flatter directions cost no more than this one


@torch.no_grad()
def sample_codes(generator: Generator, count: int = SAMPLES) -> Tensor:
    """The first (count, w_dim) of 4096 codes, the same for every call."""
    random = torch.Generator().manual_seed(0)
    z = torch.randn(SAMPLES, generator.z_dim, generator=random, device="cpu")[:count]
    weight = generator.mapping.w_avg
    return generator.mapping(z.to(weight))[:, 0]


class CodePrior:
    """Codes (N, w_dim) of random people, and distances in units of how much they differ."""

    def __init__(self, generator: Generator) -> None:
        self.codes = sample_codes(generator)
        self.mean = self.codes.mean(0)

    @cached_property
    def _whiten(self) -> Tensor:
        """(w_dim, w_dim): what turns codes less their mean into uncorrelated ones."""
        values, axes = torch.linalg.eigh(torch.cov(self.codes.T))
        return axes / (values + _LEAST_VARIANCE * values[-1]).sqrt()

    @cached_property
    def _scale(self) -> Tensor:
        """Mean square () of whitened codes."""
        return ((self.codes - self.mean) @ self._whiten).square().mean()

    def distance(self, change: Tensor) -> Tensor:
        """Mean squared length (B,) of changes of code (B, L, w_dim); 1: as between people."""
        return (change @ self._whiten).square().flatten(1).mean(1) / self._scale
