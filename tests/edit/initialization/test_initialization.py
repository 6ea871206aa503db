"""Sparse combinations, and the expressions that are made of them."""

import pytest
import torch
from torch import Tensor

from clipface_cli.edit.initialization.expression_basis import ExpressionBasis
from clipface_cli.edit.initialization.sparse_regression import sparse_regression
from clipface_cli.head import HeadModel

HEAD = HeadModel.load("builtin")


def test_a_combination_of_two_changes_is_found() -> None:
    torch.manual_seed(0)
    changes = torch.randn(30, 64)
    truth = torch.zeros(30)
    truth[3], truth[17] = 0.8, 0.4
    assert sparse_regression(changes, truth @ changes, 0.0) == pytest.approx(truth, abs=1e-3)


def test_sparsity_empties_and_bounds_hold() -> None:
    torch.manual_seed(0)
    changes, wanted = torch.randn(30, 64), 5 * torch.randn(64)
    amounts = [
        sparse_regression(changes, wanted, sparsity, most=0.5) for sparsity in (0.0, 0.3, 1.0)
    ]
    used = [int((a > 1e-4).sum()) for a in amounts]
    assert used[0] > used[1] > used[2] == 0
    assert 0 <= amounts[0].min() <= amounts[0].max() <= 0.5


def linear_guidance(sees: Tensor) -> ExpressionBasis:
    """The basis of a guidance whose embedding is linear in the expression; sees (E, D)."""
    return ExpressionBasis.of(HEAD, lambda expressions: expressions @ sees)


def test_an_expression_is_found_and_an_appearance_is_none() -> None:
    torch.manual_seed(0)
    sees = torch.randn(HEAD.expression_size, 96)
    basis = linear_guidance(sees)
    jaw = HEAD.expression_from_units({"jawOpen": 0.6})
    found, sure = basis.expression((jaw @ sees)[None])
    assert sure == 1
    assert torch.cosine_similarity(found, jaw, dim=0) > 0.9
    span = torch.linalg.svd(sees, full_matrices=True).Vh
    elsewhere, sure = basis.expression(span[-1:])
    assert sure == 0
    assert not elsewhere.any()
