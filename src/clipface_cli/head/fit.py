"""Fit the head to given vertices of its own topology: vertices -> parameters and similarity."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

PRIOR = 1e-7  # m^2, weight of one squared coefficient against one squared vertex distance
LIMIT_MM = 2.0  # mean residual above which a mesh is not taken for this head


@dataclass
class Fit:
    """scale, rotation (3, 3), translation (3,) map the posed head onto the given vertices."""

    params: HeadParams
    scale: float
    rotation: Tensor
    translation: Tensor
    mean_mm: float
    max_mm: float


def fit_vertices(head: HeadModel, vertices: Tensor, iterations: int = 8) -> Fit:
    """Parameters that reproduce `vertices` (V, 3), by alternating similarity and Gauss-Newton.

    Residuals are in millimetres of the embedded head's size. Raises InputError when the number
    of vertices differs or the mesh is further than 2 mm from any head the model can make.
    """
    if vertices.shape != head.template.shape:
        raise InputError(
            f"The mesh has {len(vertices)} vertices, this head has {len(head.template)}; "
            "give a mesh written by `clipface sample` or `clipface edit`."
        )
    target = vertices.double()
    solver = _Solver(head)
    coefficients = torch.zeros(solver.size, dtype=torch.float64)
    for _ in range(iterations):
        posed = solver.vertices(coefficients)
        scale, rotation, translation = similarity(posed, target)
        wanted = (target - translation) @ rotation / scale
        coefficients = solver.step(coefficients, posed, wanted)
    posed = solver.vertices(coefficients)
    scale, rotation, translation = similarity(posed, target)
    apart = ((target - translation) @ rotation / scale - posed).norm(dim=1) * 1000
    fit = Fit(
        solver.params(coefficients),
        scale,
        rotation.float(),
        translation.float(),
        float(apart.mean()),
        float(apart.max()),
    )
    if not fit.mean_mm < LIMIT_MM:
        raise InputError(
            f"The mesh has the head's vertex count but not its shape (mean residual "
            f"{fit.mean_mm:.1f} mm, worst {fit.max_mm:.1f} mm); is its vertex order changed?"
        )
    return fit


def similarity(source: Tensor, target: Tensor) -> tuple[float, Tensor, Tensor]:
    """Least-squares scale, rotation (3, 3), translation (3,): target ~ scale R source + t."""
    centre_s, centre_t = source.mean(0), target.mean(0)
    left, values, right = torch.linalg.svd((target - centre_t).T @ (source - centre_s))
    sign = torch.ones(3, dtype=source.dtype)
    sign[2] = torch.sign(torch.det(left @ right))
    rotation = left @ torch.diag(sign) @ right
    scale = float((values * sign).sum() / (source - centre_s).square().sum())
    return scale, rotation, centre_t - scale * rotation @ centre_s


class _Solver:
    """Regularised Gauss-Newton over shape, expression and jaw (global rotation is a similarity)."""

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        self.split = [head.shape_size, head.expression_size, 3]
        self.size = sum(self.split)
        self.prior = torch.full((self.size,), PRIOR, dtype=torch.float64)

    def params(self, coefficients: Tensor) -> HeadParams:
        shape, expression, jaw = coefficients.float()[None].split(self.split, 1)
        return HeadParams(shape, expression, torch.cat([torch.zeros(1, 3), jaw], 1))

    def vertices(self, coefficients: Tensor) -> Tensor:
        return self.head.pose_head(self.params(coefficients))[0].double()

    def step(self, coefficients: Tensor, posed: Tensor, wanted: Tensor) -> Tensor:
        """One Gauss-Newton step; a small similarity is solved for along with it and dropped."""
        columns = [self.head.shape_basis, self.head.expression_basis, self._jaw(coefficients)]
        jacobian = torch.cat([torch.cat(columns).double(), _similarity_columns(posed)])
        residual = (wanted - posed).flatten()
        padding = (0, len(jacobian) - self.size)
        prior = torch.nn.functional.pad(self.prior, padding)
        pull = torch.nn.functional.pad(self.prior * coefficients, padding)
        normal = jacobian @ jacobian.T + torch.diag(prior)
        change: Tensor = torch.linalg.solve(normal, jacobian @ residual - pull)
        return coefficients + change[: self.size]

    def _jaw(self, coefficients: Tensor, change: float = 1e-3) -> Tensor:
        """Derivative of the vertices by the jaw's three angles (central differences)."""
        rows = []
        for axis in range(3):
            offset = torch.zeros_like(coefficients)
            offset[self.size - 3 + axis] = change
            ahead = self.vertices(coefficients + offset)
            behind = self.vertices(coefficients - offset)
            rows.append(((ahead - behind) / (2 * change)).flatten())
        return torch.stack(rows).float()


def _similarity_columns(posed: Tensor) -> Tensor:
    """Derivatives (7, 3V) of the vertices by rotation, translation and scale."""
    axes = torch.eye(3, dtype=posed.dtype)
    turned = [torch.linalg.cross(axis.expand_as(posed), posed).flatten() for axis in axes]
    moved = [axis.expand_as(posed).flatten() for axis in axes]
    return torch.stack([*turned, *moved, posed.flatten()])
