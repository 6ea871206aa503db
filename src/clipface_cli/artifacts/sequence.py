"""Sequences of expression and pose: seq.npz, and the files other trackers write.

`.npz` of ours, `.csv` of Live Link Face (ARKit units), and which files of a folder are frames as
DECA's scripts write them; what is in those is read where assets are known (head/sequence.py).
"""

from __future__ import annotations

import csv
import re
import zipfile
from dataclasses import dataclass, field
from pathlib import Path, PurePath

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.files import replacing
from clipface_cli.errors import InputError

FRAME_RATE = 25.0  # of files that name none
FRAME_FILES = (".pkl", ".pickle", ".pt", ".npy", ".npz")
_RATES = (24, 25, 30, 48, 50, 60, 120, 240)
_TIMECODE = re.compile(r"(\d+):(\d+):(\d+)[:;](\d+)(?:\.(\d+))?$")
_HEAD_TURN = ("headpitch", "headyaw", "headroll")  # about x, y and z

Array = NDArray[np.float32]


@dataclass
class Sequence:
    """expression (T, E) coefficients; pose (T, 6) radians, global rotation then jaw; shape (S,) of
    the person, if known; fps frames a second."""

    expression: Array
    pose: Array
    fps: float = FRAME_RATE
    shape: Array | None = None

    def __len__(self) -> int:
        return len(self.pose)


@dataclass
class UnitSequence:
    """activations: ARKit unit -> (T,) in 0..1; pose (T, 6) as in `Sequence`; fps."""

    activations: dict[str, Array] = field(default_factory=dict)
    pose: Array = field(default_factory=lambda: np.zeros((0, 6), np.float32))
    fps: float = FRAME_RATE


def write_sequence(path: Path, sequence: Sequence) -> None:
    """Write seq.npz: expression, pose, fps, and shape if there is one."""
    arrays = {"expression": sequence.expression, "pose": sequence.pose}
    if sequence.shape is not None:
        arrays["shape"] = sequence.shape
    arrays = {name: np.asarray(array, np.float32) for name, array in arrays.items()}
    with replacing(path) as partial, partial.open("wb") as file:
        np.savez(file, allow_pickle=False, fps=np.float64(sequence.fps), **arrays)


def read_npz(path: Path) -> Sequence:
    """seq.npz; InputError when it is damaged or its arrays do not fit together."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except (OSError, ValueError, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is not a sequence ClipFace can read ({error}).") from error
    missing = [name for name in ("expression", "pose") if name not in arrays]
    if missing:
        raise InputError(f"{path} lacks {' and '.join(missing)}; `clipface track` writes both.")
    fps = float(arrays["fps"]) if "fps" in arrays and arrays["fps"].size == 1 else FRAME_RATE
    sequence = Sequence(
        np.asarray(arrays["expression"], np.float32),
        np.asarray(arrays["pose"], np.float32),
        fps,
        np.asarray(arrays["shape"], np.float32).reshape(-1) if "shape" in arrays else None,
    )
    return checked(path, sequence)


def frame_files(folder: Path) -> list[Path]:
    """Files of frames in a folder, by the numbers in their names."""
    files = [f for f in folder.iterdir() if f.suffix.lower() in FRAME_FILES and f.is_file()]
    return sorted(files, key=natural)


def natural(path: PurePath) -> list[tuple[int, str]]:
    """A key that sorts file names as people do: 2 before 10."""
    parts = re.split(r"(\d+)", path.name.lower())
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]


def read_arkit(path: Path) -> UnitSequence:
    """A CSV of Live Link Face: a column for each ARKit unit, head turns in radians, time codes.

    HeadPitch, HeadYaw and HeadRoll turn the head about x, y and z. Frames that the recording
    dropped are filled in from their neighbours. Raises InputError when columns or numbers are
    missing.
    """
    columns = _columns(path)
    times, fps = _times(columns.pop("timecode", []))
    columns.pop("blendshapecount", None)
    values = {name: _numbers(path, name, column) for name, column in columns.items()}
    turns = [values.pop(name, None) for name in _HEAD_TURN]
    units = {n: v for n, v in values.items() if not n.startswith(("lefteye", "righteye", "head"))}
    if not units:
        raise InputError(f"{path} has no columns of ARKit units such as JawOpen.")
    count = len(next(iter(units.values())))
    if len(times) != count:
        times = np.arange(count, dtype=np.float64)
    frames = np.arange(times[0], times[-1] + 0.5)
    pose = np.zeros((len(frames), 6), np.float32)
    for axis, turn in enumerate(turns):
        if turn is not None:
            pose[:, axis] = np.interp(frames, times, turn)
    filled = {n: np.interp(frames, times, v).astype(np.float32) for n, v in units.items()}
    return UnitSequence(filled, pose, fps)


def _columns(path: Path) -> dict[str, list[str]]:
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = [row for row in csv.reader(file) if any(cell.strip() for cell in row)]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} cannot be read as CSV ({error}).") from error
    if len(rows) < 2:
        raise InputError(f"{path} holds no frames; its first line must name the columns.")
    names = [name.strip().lower() for name in rows[0]]
    if any(len(row) < len(names) for row in rows[1:]):
        raise InputError(f"{path} has lines shorter than its first; is it cut off?")
    return {name: [row[i] for row in rows[1:]] for i, name in enumerate(names) if name}


def _numbers(path: Path, name: str, column: list[str]) -> NDArray[np.float64]:
    try:
        numbers = np.array([float(cell) for cell in column])
    except ValueError as error:
        raise InputError(f"{path}: column {name} holds something that is no number.") from error
    if not np.isfinite(numbers).all():
        raise InputError(f"{path}: column {name} holds values that are not finite.")
    return numbers


def _times(codes: list[str]) -> tuple[NDArray[np.float64], float]:
    """Frame numbers that increase, and frames a second, of time codes h:m:s:frame.part."""
    found = [_TIMECODE.match(code.strip()) for code in codes]
    if not found or any(match is None for match in found):
        return np.zeros(0), 60.0
    parts = np.array([[int(g or 0) for g in match.groups()[:4]] for match in found if match])
    rate = next((r for r in _RATES if r > parts[:, 3].max()), _RATES[-1])
    frames = (parts[:, :3] @ [3600, 60, 1]) * rate + parts[:, 3]
    if (np.diff(frames) <= 0).any():
        return np.zeros(0), float(rate)
    return (frames - frames[0]).astype(np.float64), float(rate)


def checked(path: Path, sequence: Sequence) -> Sequence:
    """The sequence of a file; InputError when its arrays do not fit together or are not finite."""
    expression, pose = sequence.expression, sequence.pose
    if expression.ndim != 2 or pose.ndim != 2 or pose.shape[1] != 6 or not len(pose):
        raise InputError(
            f"{path}: expression must have the shape (T, E) and pose (T, 6), "
            f"not {expression.shape} and {pose.shape}."
        )
    if len(expression) != len(pose):
        raise InputError(
            f"{path} has {len(expression)} frames of expression and {len(pose)} of pose."
        )
    if not (np.isfinite(expression).all() and np.isfinite(pose).all()):
        raise InputError(f"{path} holds values that are not finite.")
    if not (np.isfinite(sequence.fps) and sequence.fps > 0):
        raise InputError(f"{path}: fps must be positive, not {sequence.fps}.")
    return sequence
