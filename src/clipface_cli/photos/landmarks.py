"""468 points on each face of a photo, by MediaPipe's face mesh network.

Kartynnik et al., "Real-time facial surface geometry from monocular video on mobile GPUs", 2019.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

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
        face = track_face(image, first, min_score)
        if face is not None and not any(
            overlap(face.box, other.box[None])[0] > SAME_FACE for other in faces
        ):
            faces.append(face)
    faces.sort(key=lambda face: -_size(face))
    return faces[:limit]


def track_face(image: NDArray[np.uint8], near: Square, min_score: float = MIN_SCORE) -> Face | None:
    """The face in a square of an image (H, W, 3), read twice: there and in its own square.

    None where the second reading scores below `min_score`.
    """
    rough = read_points(image, near)
    face = read_points(image, square_of(rough.points))
    return face if face.score >= min_score else None


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


def _angle(left: Array, right: Array) -> float:
    """Radians, clockwise as seen, from horizontal to the line between the eyes of an image."""
    return math.atan2(float(right[1] - left[1]), float(right[0] - left[0]))


def _size(face: Face) -> float:
    return float((face.box[2:] - face.box[:2]).prod())
