"""Selection of faces for training: limits, measurements, and reasons for rejection."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d
from scipy.spatial.transform import Rotation

from clipface_cli.photos.landmarks import Face

NO_FACE = "no face"
TURNS = ("yaw", "pitch", "roll")
WORN = ("headwear", "eyewear")
CERTAINTY = 0.97
Scores = Mapping[str, float]
_GREY, _BLANK = 128, 0.1  # what decoders fill up with; share of the rows
_INSIDE = 0.97  # share of the landmarks that must lie on the photo


@dataclass(frozen=True)
class Limits:
    """Upper and lower limits on a face.

    pixels: least size of the face in the photo. yaw, pitch, roll: degrees away from the camera.
    blur: 0 sharp .. 1 without detail. residual: of the fitted landmarks, in outer-eye distances.
    light: least brightness, 0..1, of the face's brighter parts.
    accessories: whether hats and glasses are refused; certainty: least probability for that.
    """

    pixels: float = 96
    yaw: float = 50
    pitch: float = 35
    roll: float = 40
    blur: float = 0.75
    residual: float = 0.08
    light: float = 0.1
    accessories: bool = True
    certainty: float = CERTAINTY


def reason_against(scores: Scores, limits: Limits) -> str | None:
    """The reason of the first limit that the scores exceed, None when there is none."""

    def over(name: str, limit: float) -> bool:
        return abs(scores.get(name, 0.0)) > limit

    broken = {
        "face too small": scores.get("pixels", math.inf) < limits.pixels,
        "face cut off": scores.get("inside", 1.0) < _INSIDE,
        "too dark": scores.get("light", 1.0) < limits.light,
        "blurred": over("blur", limits.blur),
        "headwear": limits.accessories and over("headwear", limits.certainty),
        "eyewear": limits.accessories and over("eyewear", limits.certainty),
        "extreme pose": any(over(name, getattr(limits, name)) for name in TURNS),
        "fit residual too high": over("residual", limits.residual),
    }
    return next((reason for reason, is_so in broken.items() if is_so), None)


def unsure_of(scores: Scores, certainty: float) -> list[str]:
    """Accessories with a probability of at least 0.5, but below `certainty`."""
    return [name for name in WORN if 0.5 < scores.get(name, 0.0) < certainty]


def face_pixels(face: Face) -> float:
    """The longer side of the box around the landmarks, in pixels."""
    return float(max(face.box[2:] - face.box[:2]))


def share_inside(face: Face, image: NDArray[np.uint8]) -> float:
    """Share of the landmarks, 0..1, that lie on the photo (H, W, 3)."""
    size = (image.shape[1], image.shape[0])
    points = face.points[:, :2]
    return float(((points >= 0) & (points < size)).all(1).mean())


def light(image: NDArray[np.uint8], face: Face) -> float:
    """Brightness, 0..1, that a twentieth of the face in an image (H, W, 3) exceeds."""
    left, top, right, bottom = (int(v) for v in face.box.clip(0, max(image.shape[:2])))
    part = image[top : bottom + 1, left : right + 1]
    return float(np.percentile(part.max(-1), 95)) / 255 if part.size else 0.0


def is_cut_off(image: NDArray[np.uint8]) -> bool:
    """Whether the lower part of an image (H, W, 3) is the one grey of a JPEG that broke off."""
    rows = image.reshape(len(image), -1).astype(np.int16)
    blank = (np.abs(rows - _GREY) <= 3).all(1) & (np.ptp(rows, axis=1) <= 2)
    kept = np.flatnonzero(~blank)
    last = int(kept[-1]) + 1 if len(kept) else 0
    return len(image) - last > _BLANK * len(image)


def blur(image: NDArray[np.uint8], face: Face) -> float:
    """How little the face in an image (H, W, 3) changes when blurred: 0 sharp, 1 no detail.

    Crete et al., "The blur effect: perception and estimation with a new no-reference perceptual
    blur metric", 2007.
    """
    left, top, right, bottom = (int(v) for v in face.box.clip(0, image.shape[0]))
    part = image[top : bottom + 1, left : right + 1].astype(np.float32)
    grey = part @ np.array([0.299, 0.587, 0.114], np.float32)
    return max(_blur_along(grey, axis) for axis in (0, 1))


def _blur_along(grey: NDArray[np.float32], axis: int) -> float:
    again = uniform_filter1d(grey, 9, axis)
    change = np.abs(np.diff(grey, axis=axis))
    lost = (change - np.abs(np.diff(again, axis=axis))).clip(0)
    total = float(change.sum())
    return 1 - float(lost.sum()) / total if total > 0 else 1.0


def turns(rotation: NDArray[np.float32]) -> dict[str, float]:
    """Yaw, pitch and roll in degrees of a head's global rotation (3,), axis-angle."""
    return dict(zip(TURNS, Rotation.from_rotvec(rotation).as_euler("YXZ", True), strict=True))
