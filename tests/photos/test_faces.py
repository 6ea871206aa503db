"""Detection and landmarks on photos."""

import numpy as np
import pytest
from PIL import Image

from clipface_cli.photos import Face, detect_faces, find_faces
from clipface_cli.photos.landmarks import OUTER_EYES
from clipface_cli.photos.squares import Square, cut

NOSE_TIP, CHIN, LIPS = 1, 152, (13, 14)


def one(image: np.ndarray) -> Face:
    (face,) = find_faces(image)
    return face


def test_detection(astronaut: np.ndarray, admiral: np.ndarray) -> None:
    (found,) = detect_faces(astronaut)
    assert np.allclose(found.box, [172, 67, 277, 172], atol=8)
    right_eye, left_eye, nose, mouth = found.keypoints[:4]
    assert right_eye[0] < nose[0] < left_eye[0]
    assert right_eye[1] < nose[1] < mouth[1]
    assert len(detect_faces(admiral)) == 1  # not square
    assert detect_faces(np.zeros((40, 300, 3), np.uint8)) == []


def test_a_face_that_fills_the_picture(astronaut: np.ndarray) -> None:
    close = astronaut[60:180, 165:285]
    assert len(find_faces(close)) == 1


def test_landmarks_lie_on_the_face(astronaut: np.ndarray) -> None:
    face = one(astronaut)
    assert face.points.shape == (468, 3)
    assert face.score > 0.95
    x, y = face.points[:, 0], face.points[:, 1]
    assert x[OUTER_EYES[0]] < x[NOSE_TIP] < x[OUTER_EYES[1]]
    assert y[OUTER_EYES[0]] < y[NOSE_TIP] < y[LIPS[0]] < y[LIPS[1]] < y[CHIN]
    assert face.points[NOSE_TIP, 2] < face.points[list(OUTER_EYES), 2].min()


@pytest.mark.parametrize("degrees", [-35, 20, 40])
def test_landmarks_turn_with_the_photo(astronaut: np.ndarray, degrees: float) -> None:
    upright = one(astronaut)
    turned = one(np.array(Image.fromarray(astronaut).rotate(degrees, Image.Resampling.BICUBIC)))
    angle = np.radians(degrees)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    expected = (upright.points[:, :2] - 256) @ turn.T + 256
    missed = np.linalg.norm(turned.points[:, :2] - expected, axis=1)
    assert missed.mean() < 0.03 * upright.eye_distance


def test_size_and_place_do_not_matter(astronaut: np.ndarray) -> None:
    small = one(astronaut)
    large = one(np.array(Image.fromarray(astronaut).resize((1536, 1536), Image.Resampling.LANCZOS)))
    missed = np.linalg.norm(large.points[:, :2] / 3 - small.points[:, :2], axis=1)
    assert missed.mean() < 0.02 * small.eye_distance


def test_largest_first_and_limit(astronaut: np.ndarray) -> None:
    half = np.array(Image.fromarray(astronaut).resize((320, 320)))
    both = np.zeros((512, 832, 3), np.uint8)
    both[:320, :320] = half
    both[:, 320:] = astronaut
    faces = find_faces(both)
    assert len(faces) == 2
    assert faces[0].eye_distance > 1.3 * faces[1].eye_distance
    assert len(find_faces(both, limit=1)) == 1
    assert find_faces(np.full((64, 64, 3), 128, np.uint8)) == []


def test_squares_cut_and_bring_points_back() -> None:
    y, x = np.mgrid[:200, :300] + 0.5
    image = np.stack([x / 300 * 255, y / 200 * 255, np.zeros_like(x)], -1).round().astype(np.uint8)
    square = Square(150, 100, 80, angle=0.5)
    part = cut(image, square, 40)
    pixel = np.array([[12.5, 30.5, 0]], np.float32)
    (where,) = square.to_image(pixel, 40)
    red, green, _ = part[30, 12]
    assert where[:2] == pytest.approx((red / 255 * 300, green / 255 * 200), abs=1.5)
    points = np.array([[10, 20], [50, 20], [30, 90]], np.float32)
    around = Square.around(points, 2.0)
    assert (around.x, around.y, around.side) == (30, 55, 140)
