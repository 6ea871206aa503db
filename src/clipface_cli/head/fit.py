"""Fit the head to given vertices of its own topology: vertices -> parameters and similarity.

Gauss-Newton from neutral. The similarity is solved in closed form at every step, so that neither
rotation nor unit of length nor swapped axes matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.geometry.similarity import similarity
from clipface_cli.head.gauss_newton import Solver
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

LIMIT_MM = 2.0  # mean residual above which a mesh is not taken for this head
ENOUGH = 1e-7  # metres; when a step improves the mean residual by less, the fit is done


@dataclass
class Fit:
    """vertices ~ scale * rotation @ head(params) + translation, with zero global rotation.

    rotation (3, 3) has determinant -1 when the mesh is mirrored. Residuals are in millimetres at
    the head's own size.
    """

    params: HeadParams
    scale: float
    rotation: Tensor
    translation: Tensor
    mean_mm: float
    max_mm: float

    @property
    def mirrored(self) -> bool:
        return bool(torch.det(self.rotation) < 0)


def fit_vertices(head: HeadModel, vertices: Tensor, iterations: int = 40) -> Fit:
    """Parameters that reproduce `vertices` (V, 3) of any unit, rotation, position and handedness.

    Raises InputError with the numbers when there are more or fewer vertices than the head's, when
    some are not finite, or when the mesh is further than 2 mm from any head the model can make.
    Computes on the CPU; parameters lie where the head does, the similarity where the vertices do.
    """
    _check(head, vertices)
    target = vertices.detach().cpu().double()
    solver = Solver(head)
    coefficients = target.new_zeros(solver.size)
    posed = solver.vertices(coefficients[None])[0]
    straight, turned_over = (_residual(posed, target, mirrored) for mirrored in (False, True))
    mirrored = bool(turned_over.norm() < straight.norm())
    before = float("inf")
    for _ in range(iterations):
        residual = _residual(posed, target, mirrored)
        miss = float(residual.norm(dim=1).mean())
        if before - miss < ENOUGH:
            break
        before = miss
        coefficients = solver.step(coefficients, posed, residual)
        posed = solver.vertices(coefficients[None])[0]
    placed = similarity(posed, target, mirrored)
    apart = (placed.undo(target) - posed).norm(dim=1) * 1000
    fit = Fit(
        solver.params(coefficients[None]),
        placed.scale,
        placed.rotation.float().to(vertices.device),
        placed.shift.float().to(vertices.device),
        float(apart.mean()),
        float(apart.max()),
    )
    if not fit.mean_mm < LIMIT_MM:
        raise InputError(
            f"The mesh has the head's vertex count but not its shape (mean residual "
            f"{fit.mean_mm:.1f} mm, worst {fit.max_mm:.1f} mm, at most {LIMIT_MM:.1f} mm mean is "
            "taken); is its vertex order changed?"
        )
    return fit


def _check(head: HeadModel, vertices: Tensor) -> None:
    if vertices.shape != head.template.shape:
        raise InputError(
            f"The mesh has {len(vertices)} vertices, this head has {len(head.template)}; "
            "give a mesh written by `clipface sample` or `clipface edit`."
        )
    if not bool(vertices.isfinite().all()):
        raise InputError("The mesh has vertices that are not finite; export it again.")
    if float(vertices.amax(0).sub(vertices.amin(0)).max()) <= 0:
        raise InputError("All vertices of the mesh are in one place; export it again.")


def _residual(posed: Tensor, target: Tensor, mirrored: bool) -> Tensor:
    """Differences (V, 3) from the posed head to the target, in the head's frame and size."""
    return similarity(posed, target, mirrored).undo(target) - posed
