"""Fréchet distance against closed forms and a plain writing-out."""

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm

from clipface_cli.errors import InputError
from clipface_cli.metrics import (
    Statistics,
    frechet_distance,
    frechet_distance_with_error,
    frechet_of_statistics,
)


def plain(a: np.ndarray, b: np.ndarray) -> float:
    cov_a, cov_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(np.trace(sqrtm(cov_a @ cov_b)))
    between = np.square(a.mean(0) - b.mean(0)).sum()
    return float(between + np.trace(cov_a + cov_b) - 2 * root)


def test_equals_the_plain_form():
    random = np.random.default_rng(0)
    a, b = random.standard_normal((300, 40)), 1.3 * random.standard_normal((250, 40)) + 0.1
    found = frechet_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(plain(a, b), rel=1e-9)


def test_of_normal_distributions():
    torch.manual_seed(0)
    a, b = torch.randn(40_000, 3), torch.randn(40_000, 3)
    scale, shift = torch.tensor([1.0, 2.0, 0.5]), torch.tensor([0.0, 1.0, 0.0])
    expected = 1.0 + (scale - 1).square().sum()
    assert frechet_distance(a, b * scale + shift) == pytest.approx(float(expected), rel=0.05)


def test_singular_covariances():
    torch.manual_seed(0)
    few = torch.randn(5, 64)
    assert frechet_distance(few, few) == pytest.approx(0, abs=1e-5)
    moved = few + 2
    assert frechet_distance(few, moved) == pytest.approx(4 * 64, rel=1e-4)
    constant = torch.ones(4, 3)
    assert frechet_distance(constant, constant + 1) == pytest.approx(3)


def test_batches_merge_to_the_whole():
    torch.manual_seed(0)
    rows = 5 + torch.randn(100, 8, dtype=torch.float64)
    parts = [Statistics.of(part, "x") for part in rows.split([1, 40, 59])]
    merged = parts[0].merged(parts[1]).merged(parts[2])
    whole = Statistics.of(rows, "x")
    assert merged.count == 100
    assert torch.allclose(merged.mean, whole.mean)
    assert torch.allclose(merged.covariance, torch.from_numpy(np.cov(rows.T.numpy())))
    assert frechet_of_statistics(merged, whole) == pytest.approx(0, abs=1e-9)


def test_the_error_is_that_of_repeated_draws():
    torch.manual_seed(0)
    drawn = [
        frechet_distance_with_error(torch.randn(200, 4), 0.5 + 1.2 * torch.randn(200, 4))
        for _ in range(150)
    ]
    values, errors = (torch.tensor(column) for column in zip(*drawn, strict=True))
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=0.25)


def test_other_features_and_too_few_images_are_refused():
    rows = torch.randn(10, 4)
    with pytest.raises(InputError, match="inception"):
        frechet_of_statistics(Statistics.of(rows, "inception"), Statistics.of(rows, "evaluator"))
    with pytest.raises(InputError, match="2 images"):
        frechet_distance(rows, rows[:1])
