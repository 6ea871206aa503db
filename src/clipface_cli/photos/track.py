"""Footage of one person to a sequence: one shape for the clip, expression and pose a frame."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.signal import savgol_filter

from clipface_cli.artifacts.sequence import Sequence
from clipface_cli.errors import ClipfaceError
from clipface_cli.head import HeadModel
from clipface_cli.photos.detect import overlap
from clipface_cli.photos.encoder import Encoded
from clipface_cli.photos.landmarks import Face, find_faces, square_of, track_face

Pixels = NDArray[np.uint8]
Array = NDArray[np.float32]

SMOOTH = 0.2  # seconds of the smoothing window
MAX_GAP = 5  # frames without a face that are filled in
_ORDER = 2  # of the smoothing polynomial


class ClipEncoder(Protocol):
    """An encoder that finds one shape for all pictures of a clip."""

    @property
    def head(self) -> HeadModel: ...

    def encode_clip(self, pictures: Iterable[tuple[Pixels, Face]]) -> Encoded:
        """Square pictures (R, R, 3), each with its face, all of one person."""


@dataclass
class Track:
    """sequence: T frames. camera (T, 3): over the square around a frame's middle, as large as its
    longer side. first: the footage's frame where the sequence starts. filled: frames (of the
    sequence) whose face was not found. residual: mean over the found frames, see `Encoded`."""

    sequence: Sequence
    camera: Array
    first: int
    filled: list[int]
    residual: float


def track(
    frames: Iterable[Pixels],
    fps: float,
    encoder: ClipEncoder,
    smooth: float = SMOOTH,
    max_gap: int = MAX_GAP,
    done: Callable[[int], None] = lambda _: None,
) -> Track:
    """Follow the largest face of the first frame (H, W, 3) that shows one.

    smooth: seconds of a Savitzky-Golay window, 0 for raw values. Frames before the first and after
    the last face are left out. Raises ClipfaceError when no frame shows a face, or when more than
    max_gap frames in a row show none.
    """
    found: list[bool] = []

    def pictures() -> Iterator[tuple[Pixels, Face]]:
        for frame, face in follow(frames):
            found.append(face is not None)
            done(len(found))
            if face is not None:
                yield squared(frame), _shifted(face, frame)

    stream = _Known(pictures())
    if stream.empty:
        raise ClipfaceError(f"No face was found in {len(found)} frames; is one large enough?")
    encoded = encoder.encode_clip(stream)
    first, last = found.index(True), len(found) - found[::-1].index(True)
    known = np.array(found[first:last])
    _check_gaps(known, first, max_gap, fps)
    values = np.concatenate([encoded.params.expression, encoded.params.pose, encoded.camera], 1)
    values = smoothed(fill_gaps(values, known), round(smooth * fps))
    size = encoded.params.expression.shape[1]
    sequence = Sequence(
        values[:, :size], values[:, size : size + 6], fps, encoded.params.shape[0].numpy()
    )
    filled = np.flatnonzero(~known).tolist()
    return Track(sequence, values[:, size + 6 :], first, filled, float(encoded.residual.mean()))


class _Known:
    """An iterator that reads its first element ahead to know whether it is empty."""

    def __init__(self, pictures: Iterator[tuple[Pixels, Face]]) -> None:
        self._rest = pictures
        self._first = next(pictures, None)

    @property
    def empty(self) -> bool:
        return self._first is None

    def __iter__(self) -> Iterator[tuple[Pixels, Face]]:
        if self._first is not None:
            yield self._first
        yield from self._rest


def follow(frames: Iterable[Pixels]) -> Iterator[tuple[Pixels, Face | None]]:
    """Each frame (H, W, 3) with the face that is followed, None where it is lost."""
    last: Face | None = None
    held = False  # whether the previous frame showed it
    for frame in frames:
        face = track_face(frame, square_of(last.points)) if last is not None and held else None
        if face is None:
            face = _again(find_faces(frame), last)
        held = face is not None
        last = face or last
        yield frame, face


def _again(faces: list[Face], last: Face | None) -> Face | None:
    """The detected face nearest to the last known one, or at first the largest."""
    if not faces:
        return None
    if last is None:
        return faces[0]
    shared = overlap(last.box, np.stack([face.box for face in faces]))
    return faces[int(shared.argmax())] if shared.max() > 0 else faces[0]


def squared(frame: Pixels) -> Pixels:
    """A frame (H, W, 3) in the middle of a square (R, R, 3), R = max(H, W), edges repeated."""
    height, width = frame.shape[:2]
    side = max(height, width)
    above, left = (side - height) // 2, (side - width) // 2
    margins = ((above, side - height - above), (left, side - width - left), (0, 0))
    return np.pad(frame, margins, mode="edge") if height != width else frame


def _shifted(face: Face, frame: Pixels) -> Face:
    """A frame's face in pixels of `squared(frame)`."""
    height, width = frame.shape[:2]
    side = max(height, width)
    shift = np.array([(side - width) // 2, (side - height) // 2, 0], np.float32)
    return replace(face, points=face.points + shift, box=face.box + np.tile(shift[:2], 2))


def _check_gaps(known: NDArray[np.bool_], first: int, max_gap: int, fps: float) -> None:
    start = 0
    for index, there in enumerate(known):
        if there:
            start = index + 1
        elif index - start + 1 > max_gap:
            missing = int(np.argmax(known[start:]))
            raise ClipfaceError(
                f"The face is lost for {missing} frames from {(first + start) / fps:.2f} s; cut "
                f"the clip there, or fill it in with --max-gap {missing}."
            )


def fill_gaps(values: NDArray[np.floating], known: NDArray[np.bool_]) -> Array:
    """Values (T, D) of all frames from those (N, D) of the known ones, linear in between."""
    frames = np.arange(len(known))
    columns = [np.interp(frames, frames[known], column) for column in np.asarray(values).T]
    return np.stack(columns, 1).astype(np.float32)


def smoothed(values: Array, window: int) -> Array:
    """Values (T, D) through a Savitzky-Golay filter over an odd number of frames; 0 leaves them."""
    window = min(window | 1, (len(values) - 1) // 2 * 2 + 1)
    if window <= _ORDER + 1:
        return values
    return np.asarray(savgol_filter(values, window, _ORDER, axis=0), np.float32)
