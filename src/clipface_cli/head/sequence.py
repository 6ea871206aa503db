"""Sequences of any format as expression and pose of one head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from clipface_cli.artifacts.sequence import (
    Sequence,
    UnitSequence,
    read_arkit,
    read_frames,
    read_npz,
)
from clipface_cli.errors import InputError
from clipface_cli.head.model import HeadModel
from clipface_cli.head.units import named_units


def load_sequence(path: str | Path, head: HeadModel) -> Sequence:
    """seq.npz, an ARKit CSV, a pickle or a folder of DECA's pickles, for `head`.

    Raises InputError for other files, and for coefficients that the head does not have.
    """
    path = Path(path)
    if not path.exists():
        raise InputError(f"{path} does not exist.")
    if path.suffix.lower() == ".csv":
        units = read_arkit(path)
        try:
            return from_units(units, head)
        except InputError as error:
            raise InputError(f"{path}: {error}") from error
    sequence = read_npz(path) if path.suffix.lower() == ".npz" else read_frames(path)
    size = sequence.expression.shape[1]
    if size > head.expression_size:
        raise InputError(
            f"{path} has {size} expression coefficients, the head {head.head_id} "
            f"{head.expression_size}; was it tracked with another head?"
        )
    if size < head.expression_size:
        missing = np.zeros((len(sequence), head.expression_size - size), np.float32)
        sequence.expression = np.concatenate([sequence.expression, missing], 1)
    return sequence


def from_units(sequence: UnitSequence, head: HeadModel) -> Sequence:
    """Expression coefficients nearest to activations of ARKit units; units unknown to the head
    raise InputError."""
    units = torch.zeros(len(head.units), len(sequence.pose))
    rows = {name: row for row, name in enumerate(head.units)}
    for given, amounts in sequence.activations.items():
        for unit in named_units({given: 1.0}, head.units):
            units[rows[unit]] += torch.from_numpy(amounts)
    displacements = torch.stack([unit.flatten() for unit in head.units.values()])
    per_unit = displacements @ head.unit_solver.T  # (U, E)
    expression = (units.T @ per_unit).numpy()
    return Sequence(expression, sequence.pose, sequence.fps)
