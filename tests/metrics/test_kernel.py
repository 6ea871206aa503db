"""Kernel distance against a plain writing-out, and its error against repeated draws."""

import numpy as np
import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.metrics import kernel_distance, kernel_distance_with_error


def plain(a: np.ndarray, b: np.ndarray) -> float:
    def of(x, y):
        return (x @ y.T / x.shape[1] + 1) ** 3

    n, m = len(a), len(b)
    within = [(of(s, s).sum() - np.trace(of(s, s))) / (len(s) * (len(s) - 1)) for s in (a, b)]
    return float(sum(within) - 2 * of(a, b).sum() / (n * m))


@pytest.mark.parametrize("block", [1024, 7])
def test_equals_the_plain_form(block, monkeypatch):
    monkeypatch.setattr("clipface_cli.metrics.kernel.BLOCK", block)
    random = np.random.default_rng(0)
    a, b = random.standard_normal((60, 16)), 1.2 * random.standard_normal((45, 16)) + 0.1
    found = kernel_distance(torch.from_numpy(a), torch.from_numpy(b))
    assert found == pytest.approx(plain(a, b), rel=1e-10)


def test_is_unbiased_and_knows_its_error():
    torch.manual_seed(0)
    drawn = [
        kernel_distance_with_error(torch.randn(80, 6), 0.3 + torch.randn(60, 6)) for _ in range(200)
    ]
    values = torch.tensor([one.value for one in drawn])
    errors = torch.tensor([one.error for one in drawn])
    far = kernel_distance(torch.randn(4000, 6), 0.3 + torch.randn(4000, 6))
    assert float(values.mean()) == pytest.approx(far, abs=3 * float(values.std()) / 200**0.5 + 0.02)
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=0.2)


def test_what_cannot_be_compared():
    with pytest.raises(InputError, match="at least 2"):
        kernel_distance(torch.randn(1, 4), torch.randn(9, 4))
    with pytest.raises(InputError, match="different networks"):
        kernel_distance(torch.randn(9, 4), torch.randn(9, 5))
