"""ARKit's expression units by name, to expression coefficients and back by least squares."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from clipface_cli.errors import InputError

# Everyday names; a unit without its side, such as eyeBlink, means both sides.
EVERYDAY = {
    "smile": "mouthSmile",
    "frown": "mouthFrown",
    "blink": "eyeBlink",
    "squint": "eyeSquint",
    "wide": "eyeWide",
    "sneer": "noseSneer",
    "pucker": "mouthPucker",
    "kiss": "mouthPucker",
    "open": "jawOpen",
    "surprise": "browInnerUp",
}

_REGULAR = 1e-9  # of the mean diagonal: makes the normal matrix of dependent units definite
_TOLERANCE = 1e-12  # relative, of the bounded least squares
_NEGLIGIBLE = 1e-4  # activations below it are left out


class _Head(Protocol):
    template: Tensor
    units: dict[str, Tensor]

    @property
    def expression_basis(self) -> Tensor: ...
    @property
    def unit_solver(self) -> Tensor: ...


@dataclass
class UnitFit:
    """expression (E,): the coefficients; mean_mm, worst_mm: what they miss of the displacement."""

    expression: Tensor
    mean_mm: float
    worst_mm: float


def named_units(activations: Mapping[str, float], known: Mapping[str, object]) -> dict[str, float]:
    """Everyday names and units without a side, as ARKit's own; InputError for unknown ones."""
    spelled = {name.lower(): name for name in known}
    found: dict[str, float] = {}
    for name, amount in activations.items():
        stem = EVERYDAY.get(name, name).lower()
        names = [spelled[n] for n in (stem, f"{stem}left", f"{stem}right") if n in spelled]
        if not names:
            everyday = ", ".join(EVERYDAY)
            raise InputError(
                f"Unknown ARKit unit {name!r}; known: {', '.join(known)}; also {everyday}."
            )
        for unit in names:
            found[unit] = found.get(unit, 0.0) + amount
    return found


def fit_units(head: _Head, activations: Mapping[str, float]) -> UnitFit:
    """Expression coefficients nearest to ARKit activations in [0, 1], and what they miss."""
    expression, displacement = nearest_expression(head, activations)
    return UnitFit(expression, *_missed(head, expression, displacement))


def nearest_expression(head: _Head, activations: Mapping[str, float]) -> tuple[Tensor, Tensor]:
    """Coefficients (E,) nearest to ARKit activations; the displacement (V, 3) these ask for."""
    displacement = torch.zeros_like(head.template)
    for name, amount in named_units(activations, head.units).items():
        displacement = displacement + amount * head.units[name].to(displacement)
    return head.unit_solver.to(displacement) @ displacement.flatten(), displacement


def fit_activations(head: _Head, expression: Tensor) -> tuple[dict[str, float], float, float]:
    """ARKit activations in [0, 1] nearest to coefficients (E,); mean and worst miss in mm.

    Bounded least squares over the vertices' displacements, on the CPU.
    """
    from scipy.optimize import lsq_linear

    names = list(head.units)
    columns = torch.stack([head.units[name].flatten() for name in names]).cpu().double()
    displacement = expression.cpu().double() @ head.expression_basis.cpu().double()
    gram = columns @ columns.T
    # The same minimum from a small system: |A x - b| with A^T A = gram.
    even = _REGULAR * gram.diagonal().mean() * torch.eye(len(gram), device=gram.device)
    factor = torch.linalg.cholesky(gram + even)
    rhs = torch.linalg.solve_triangular(factor, (columns @ displacement)[:, None], upper=False)
    found = lsq_linear(factor.T.numpy(), rhs[:, 0].numpy(), bounds=(0, 1), tol=_TOLERANCE).x
    missed = (displacement - torch.from_numpy(found) @ columns).view(-1, 3).norm(dim=1) * 1000
    rounded = np.where(found < _NEGLIGIBLE, 0, found)
    activations = {name: float(a) for name, a in zip(names, rounded, strict=True) if a}
    return activations, float(missed.mean()), float(missed.max())


def _missed(head: _Head, expression: Tensor, displacement: Tensor) -> tuple[float, float]:
    made = (expression @ head.expression_basis).view(-1, 3)
    missed = (made - displacement).norm(dim=1) * 1000
    return float(missed.mean()), float(missed.max())
