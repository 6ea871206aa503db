"""Find faces in photos with MediaPipe's full-range detector (BlazeFace).

Bazarevsky et al., "BlazeFace: sub-millisecond neural face detection on mobile GPUs", 2019.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from clipface_cli.photos._tflite import run_network

NETWORK = "face_detector.tflite"
SIZE = 192  # pixels of the network's square input
CELL = 4  # pixels between two anchors, which lie in the middles of a grid's cells
MIN_SCORE = 0.5
SAME_FACE = 0.3  # overlap (intersection over union) of boxes that mean one face

Array = NDArray[np.float32]


@dataclass(frozen=True)
class Detection:
    """A face in an image, in continuous pixels (the first pixel spans 0..1).

    box (4,): x0, y0, x1, y1. keypoints (6, 2): right eye, left eye (the person's own, so the right
    eye is left in the image), nose tip, mouth, right ear, left ear. score: 0..1.
    """

    box: Array
    keypoints: Array
    score: float


def detect_faces(image: NDArray[np.uint8], min_score: float = MIN_SCORE) -> list[Detection]:
    """Faces of an RGB image (H, W, 3), the best first; none is an empty list.

    Where none is found, detection is repeated with a margin around the image: the detector misses
    faces that fill its input.
    """
    side = max(image.shape[:2])
    return _detect(image, side, min_score) or _detect(image, 2 * side, min_score)


def _detect(image: NDArray[np.uint8], side: int, min_score: float) -> list[Detection]:
    """Faces of an image in the middle of a black square of `side` pixels."""
    height, width = image.shape[:2]
    raw_boxes, raw_scores = run_network(NETWORK, _framed(image, side))
    scores = 1 / (1 + np.exp(-raw_scores[0, :, 0].clip(-80, 80)))
    likely = scores > min_score
    points = _decode(raw_boxes[0])[likely] * (side / SIZE)
    points -= ((side - width) / 2, (side - height) / 2)
    return _merged(points, scores[likely])


def _framed(image: NDArray[np.uint8], side: int) -> Array:
    """The image amid a black square of `side` pixels, at the network's size, in -1..1."""
    across, down = (max(1, round(length * SIZE / side)) for length in image.shape[1::-1])
    picture = Image.fromarray(image).resize(
        (across, down), Image.Resampling.BILINEAR, reducing_gap=2.0
    )
    square = Image.new("RGB", (SIZE, SIZE))
    square.paste(picture, ((SIZE - across) // 2, (SIZE - down) // 2))
    return np.asarray(square, np.float32) / np.float32(127.5) - 1


def _decode(raw: Array) -> Array:
    """Points (N, 8, 2) in pixels of the input: two corners of the box, then the key points.

    raw (N, 16): centre, size and key points; all but the size are relative to the anchor.
    """
    middles = np.arange(SIZE // CELL, dtype=np.float32) * CELL + CELL / 2
    anchors = np.stack(np.meshgrid(middles, middles), -1).reshape(-1, 1, 2)
    points = raw.reshape(-1, 8, 2)
    half = points[:, 1:2] / 2
    placed = points + anchors
    return np.concatenate([placed[:, :1] - half, placed[:, :1] + half, placed[:, 2:]], 1)


def _merged(points: Array, scores: Array) -> list[Detection]:
    """One detection a face: the mean, weighted by score, of those that overlap the best."""
    found = []
    order = np.argsort(-scores, kind="stable")
    points, scores = points[order], scores[order]
    while len(scores):
        same = overlap(points[0, :2].ravel(), points[:, :2].reshape(-1, 4)) > SAME_FACE
        same[0] = True
        mean = np.average(points[same], axis=0, weights=scores[same]).astype(np.float32)
        found.append(Detection(mean[:2].ravel(), mean[2:], float(scores[0])))
        points, scores = points[~same], scores[~same]
    return found


def overlap(box: Array, others: Array) -> Array:
    """Intersection over union of one box (4,) with others (N, 4)."""
    low, high = np.maximum(box[:2], others[:, :2]), np.minimum(box[2:], others[:, 2:])
    shared = (high - low).clip(0).prod(1)
    areas = (others[:, 2:] - others[:, :2]).clip(0).prod(1)
    own = (box[2:] - box[:2]).clip(0).prod()
    joint: Array = shared / np.maximum(own + areas - shared, 1e-9)
    return joint
