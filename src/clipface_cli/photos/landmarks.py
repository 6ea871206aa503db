"""468 points on each face of a photo, by MediaPipe's face mesh network.

Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from clipface_cli.photos._tflite import run_network
from clipface_cli.photos.detect import SAME_FACE, Array, detect_faces, overlap
from clipface_cli.photos.squares import Square, cut

NETWORK = "face_mesh.tflite"
SIZE = 192  # pixels of the network's square input
POINTS = 468
MARGIN = 1.5  # side of the crop against the face's
MIN_SCORE = 0.5
SURE = 1 - 1e-6  # score of upright faces; the same turned by 90 or 180 degrees reached 1 - 3e-5
_MIDDLE = np.array([0.5, 0.5, 0], np.float32)  # the network counts pixels by their middles
OUTER_EYES = (33, 263)  # outer eye corners, left and right in the image
# Inner contour of the lips, in order.
INNER_LIPS = (
    78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308, 324, 318, 402, 317, 14, 87, 178, 88, 95,
)  # fmt: skip


@dataclass(frozen=True)
class Face:
    """Landmarks of one face in continuous pixels of the image (the first pixel spans 0..1).

    points (468, 3): x right, y down, z in the same scale, smaller is nearer the camera.
    score: the network's confidence that this is a face, 0..1. box (4,): x0, y0, x1, y1 around the
    points.
    """

    points: Array
    score: float
    box: Array

    @property
    def eye_distance(self) -> float:
        """Pixels between the outer eye corners, depth included (turning does not shorten it)."""
        return float(np.linalg.norm(self.points[OUTER_EYES[1]] - self.points[OUTER_EYES[0]]))


def find_faces(
    image: NDArray[np.uint8], limit: int | None = None, min_score: float = MIN_SCORE
) -> list[Face]:
    """Faces of an RGB image (H, W, 3), the largest first, at most `limit`."""
    faces: list[Face] = []
    for detection in detect_faces(image):
        right, left = detection.keypoints[:2]
        first = Square.around(detection.box.reshape(2, 2), MARGIN, _angle(right, left))
        face = _read_again(image, _upright(image, first), min_score)
        if face is not None and not any(
            overlap(face.box, other.box[None])[0] > SAME_FACE for other in faces
        ):
            faces.append(face)
    faces.sort(key=lambda face: -_size(face))
    return faces[:limit]


def find_faces_any_way(image: NDArray[np.uint8]) -> list[Face]:
    """Faces of an RGB image (H, W, 3), the largest first, also where it lies on its side or head.

    The detector misses many faces that are not upright; the image is turned until it finds one.
    """
    for quarters in (0, 2, 1, 3):
        faces = find_faces(np.ascontiguousarray(np.rot90(image, quarters)))
        if faces:
            return [_turned_back(face, image.shape[1::-1], quarters) for face in faces]
    return []


def track_face(image: NDArray[np.uint8], near: Square, min_score: float = MIN_SCORE) -> Face | None:
    """The face in a square of an image (H, W, 3), read twice: there and in its own square.

    None where the second reading scores below `min_score`.
    """
    return _read_again(image, read_points(image, near), min_score)


def read_points(image: NDArray[np.uint8], square: Square) -> Face:
    """The network's landmarks in a square of an image (H, W, 3), whatever their score."""
    raw = run_network(NETWORK, cut(image, square, SIZE).astype(np.float32) / np.float32(255))
    inside = raw[0].reshape(POINTS, 3) + _MIDDLE
    points = square.to_image(inside, SIZE)
    score = 1 / (1 + math.exp(-float(raw[1].item())))
    return Face(points, score, np.concatenate([points[:, :2].min(0), points[:, :2].max(0)]))


def square_of(points: Array) -> Square:
    """The square in which the network expects a face with these points (468, 3)."""
    return Square.around(points, MARGIN, _angle(points[OUTER_EYES[0]], points[OUTER_EYES[1]]))


def _read_again(image: NDArray[np.uint8], rough: Face, min_score: float) -> Face | None:
    face = read_points(image, square_of(rough.points))
    return face if face.score >= min_score else None


def _upright(image: NDArray[np.uint8], near: Square) -> Face:
    """The face in a square of an image, in that or, if it is not sure, the best of its turns.

    The network finds upright faces in pictures of turned ones too: noses on foreheads.
    """
    found = read_points(image, near)
    if found.score >= SURE:
        return found
    turns = (replace(near, angle=near.angle + quarter * math.pi / 2) for quarter in (1, 2, 3))
    return max([found, *(read_points(image, turn) for turn in turns)], key=lambda face: face.score)


def _turned_back(face: Face, size: tuple[int, ...], quarters: int) -> Face:
    """A face of an image that was turned counter-clockwise, in the image of `size` itself."""
    points = face.points.copy()
    for turn in reversed(range(quarters)):
        x, y = points[:, 0].copy(), points[:, 1].copy()
        points[:, 0], points[:, 1] = size[turn % 2] - y, x
    box = np.concatenate([points[:, :2].min(0), points[:, :2].max(0)])
    return Face(points, face.score, box)


def _angle(left: Array, right: Array) -> float:
    """Radians, clockwise as seen, from horizontal to the line between the eyes of an image."""
    return math.atan2(float(right[1] - left[1]), float(right[0] - left[0]))


def _size(face: Face) -> float:
    return float((face.box[2:] - face.box[:2]).prod())
