"""Sequences of any format as expression and pose of one head."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from clipface_cli.artifacts.sequence import (
    FRAME_FILES,
    FRAME_RATE,
    Sequence,
    UnitSequence,
    checked,
    frame_files,
    read_arkit,
    read_npz,
)
from clipface_cli.assets import find_asset, imported, read_asset
from clipface_cli.errors import InputError
from clipface_cli.head.model import HeadModel
from clipface_cli.head.units import named_units

KIND = "expressions"  # of imported sequences


def load_sequence(source: str | Path, head: HeadModel) -> Sequence:
    """seq.npz, an ARKit CSV, a pickle or a folder of DECA's pickles, for `head`; or the name of an
    imported sequence, in any case and without its kind (`laughing`).

    Raises InputError for other files, and for coefficients that the head does not have.
    """
    path = _located(source)
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


def read_frames(path: Path, fps: float = FRAME_RATE) -> Sequence:
    """A folder of pickles with one frame each (in the order of the numbers in their names), or one
    file of all frames, imported ones among them: dictionaries with `exp` or `expression`, `pose`,
    and perhaps `shape`.

    Nothing in the files is run. The shape is the frames' mean. Raises InputError for damaged
    files, other content, or frames of different sizes.
    """
    files = frame_files(path) if path.is_dir() else [path]
    if not files:
        raise InputError(f"{path} holds no frames ({', '.join(FRAME_FILES)}).")
    frames = [read_asset(file, KIND).arrays for file in files]
    if len({(f["expression"].shape[1], "shape" in f) for f in frames}) > 1:
        raise InputError(f"The frames in {path} have different sizes; are they of one tracker?")
    joined = {name: np.concatenate([f[name] for f in frames]) for name in frames[0]}
    shape = joined["shape"].mean(0).astype(np.float32) if "shape" in joined else None
    expression, pose = (joined[name].astype(np.float32) for name in ("expression", "pose"))
    sequence = Sequence(expression, pose, fps, shape)
    return checked(path, sequence)


def find_sequence(name: str) -> Path | None:
    """The imported sequence of that name in any case: `laughing` finds `expressions-Laughing`."""
    return find_asset(name, KIND) if name else None


def imported_sequences() -> list[str]:
    """Names that `find_sequence` finds, in lower case and without the kind in front."""
    prefix = f"{KIND}-"
    return [name.removeprefix(prefix).lower() for name in imported() if name.startswith(prefix)]


def _located(source: str | Path) -> Path:
    path = Path(source)
    found = path if str(source) and path.exists() else find_sequence(str(source))
    if found is None:
        names = ", ".join(imported_sequences()) or "none"
        raise InputError(f"{source} does not exist, and no sequence of that name is imported "
                         f"(imported: {names}).")  # fmt: skip
    return found


def from_units(sequence: UnitSequence, head: HeadModel) -> Sequence:
    """Expression coefficients nearest to activations of ARKit units; units unknown to the head
    raise InputError."""
    units = torch.zeros(len(head.units), len(sequence.pose), device="cpu")
    rows = {name: row for row, name in enumerate(head.units)}
    for given, amounts in sequence.activations.items():
        for unit in named_units({given: 1.0}, head.units):
            units[rows[unit]] += torch.from_numpy(amounts)
    displacements = torch.stack([unit.flatten() for unit in head.units.values()])
    per_unit = (displacements @ head.unit_solver.T).cpu()  # (U, E)
    expression = (units.T @ per_unit).numpy()
    return Sequence(expression, sequence.pose, sequence.fps)
