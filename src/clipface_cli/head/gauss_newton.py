"""Gauss-Newton steps from a head's vertices to its parameters.

Computes on the CPU in float64. A step is taken at rest, where the bases are constant: for vertices
that all count alike their normal matrix is computed once, and only the jaw's columns change.
"""

from __future__ import annotations

from functools import cached_property

import torch
from torch import Tensor

from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

PRIOR = 1e-7  # m^2, weight of one squared coefficient against one squared vertex distance
_FROZEN = 1e6  # m^2, a prior beside which no distance counts
_JAW_STEP = 1e-3  # radians, of central differences


class Solver:
    """Regularised Gauss-Newton over shape, expression and jaw (global rotation is a similarity)."""

    def __init__(self, head: HeadModel, prior: float = PRIOR) -> None:
        self.head = head
        self.split = [head.shape_size, head.expression_size, 3]
        self.size = sum(self.split)
        self.basis = torch.cat([head.shape_basis, head.expression_basis]).cpu().double()
        self.prior = self.basis.new_full((self.size,), prior)

    @cached_property
    def _normal(self) -> Tensor:
        return self.basis @ self.basis.T

    def freeze_expression(self) -> None:
        """Leave expression and jaw as they are."""
        self.prior[self.split[0] :] = _FROZEN

    def params(self, coefficients: Tensor) -> HeadParams:
        """Head parameters of coefficients (B, S + E + 3): shape, expression, jaw in radians."""
        like = self.head.template
        shape, expression, jaw = coefficients.to(like).split(self.split, 1)
        return HeadParams(shape, expression, torch.cat([torch.zeros_like(jaw), jaw], 1))

    def vertices(self, coefficients: Tensor) -> Tensor:
        """Posed vertices (B, V, 3) in metres, float64, of coefficients (B, S + E + 3)."""
        with torch.no_grad():
            return self.head.pose_head(self.params(coefficients)).cpu().double()

    def step(
        self,
        coefficients: Tensor,
        posed: Tensor,
        residual: Tensor,
        weights: Tensor | None = None,
    ) -> Tensor:
        """Better coefficients (S + E + 3,) for posed vertices that miss by `residual` (V, 3).

        weights (V,): how much each vertex counts, all 1 if None. A small similarity is solved for
        along with the coefficients and dropped.
        """
        turn = self.turns(coefficients)
        moving = torch.cat([self._jaw(coefficients), _similarity_columns(posed)])
        moving = (moving[:, :, None] @ turn)[:, :, 0].flatten(1)  # posed to rest
        wanted = (residual[:, None] @ turn)[:, 0].flatten()
        basis = self.basis
        if weights is not None:
            rows = weights.double().sqrt().repeat_interleave(3)
            basis, moving, wanted = basis * rows, moving * rows, wanted * rows
        corner = self._normal if weights is None else basis @ basis.T
        across = basis @ moving.T
        normal = torch.cat(
            [torch.cat([corner, across], 1), torch.cat([across.T, moving @ moving.T], 1)]
        )
        prior, pull = normal.new_zeros(2, len(normal))
        prior[: self.size] = self.prior
        pull[: self.size] = self.prior * coefficients
        rhs = torch.cat([basis @ wanted, moving @ wanted]) - pull
        change: Tensor = torch.linalg.solve(normal + torch.diag(prior), rhs)
        return coefficients + change[: self.size]

    def turns(self, coefficients: Tensor) -> Tensor:
        """Rotations (V, 3, 3) by which skinning turns directions at each vertex."""
        params = self.params(coefficients[None])
        with torch.no_grad():
            _, transforms = self.head.rest_and_transforms(
                params.shape, params.expression, params.pose
            )
            blended = self.head.skinning_weights @ transforms[0, :, :, :3].flatten(1)
        return blended.unflatten(1, (3, 3)).cpu().double()

    def _jaw(self, coefficients: Tensor, change: float = _JAW_STEP) -> Tensor:
        """Derivatives (3, V, 3) of the vertices by the jaw's angles (central differences)."""
        offsets = self.basis.new_zeros(6, self.size)
        for axis in range(3):
            offsets[axis, self.size - 3 + axis] = change
            offsets[3 + axis, self.size - 3 + axis] = -change
        moved = self.vertices(coefficients + offsets)
        return (moved[:3] - moved[3:]) / (2 * change)


def _similarity_columns(posed: Tensor) -> Tensor:
    """Derivatives (7, V, 3) of the vertices by rotation, translation and scale."""
    axes = torch.eye(3, dtype=posed.dtype, device=posed.device)
    turned = [torch.linalg.cross(axis.expand_as(posed), posed) for axis in axes]
    moved = [axis.expand_as(posed) for axis in axes]
    return torch.stack([*turned, *moved, posed])
