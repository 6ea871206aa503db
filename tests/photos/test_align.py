"""FFHQ's square, cut out of photos."""

import numpy as np
import pytest

from clipface_cli.photos import Face, find_faces
from clipface_cli.photos.align import crop, face_square, is_square, move_face, whole
from clipface_cli.photos.squares import Square

EYES, MOUTH = [33, 263], [61, 291]


def test_square_is_ffhqs(astronaut: np.ndarray) -> None:
    face = find_faces(astronaut)[0]
    square = face_square(face)
    moved = move_face(face, square, 1024).points
    eyes, mouth = moved[EYES, :2].mean(0), moved[MOUTH, :2].mean(0)
    assert abs(eyes[0] - 512) < 25  # eyes in the middle, level, a little above it
    assert abs(moved[33, 1] - moved[263, 1]) < 20
    assert 440 < eyes[1] < 500
    wide = 4 * np.linalg.norm(moved[[33, 133], :2].mean(0) - moved[[263, 362], :2].mean(0))
    assert max(wide, 3.6 * np.linalg.norm(mouth - eyes)) == pytest.approx(1024, rel=0.05)


def test_crop_matches_moved_landmarks(admiral: np.ndarray) -> None:
    face = find_faces(admiral)[0]
    square = face_square(face)
    again = find_faces(crop(admiral, square, 400))[0]
    missed = np.linalg.norm(
        again.points[:, :2] - move_face(face, square, 400).points[:, :2], axis=1
    )
    assert missed.mean() < 0.02 * again.eye_distance


def test_a_square_photo_is_used_as_it_is(astronaut: np.ndarray) -> None:
    assert is_square(astronaut)
    assert (crop(astronaut, whole(astronaut), 512) == astronaut).all()
    small = crop(astronaut, whole(astronaut), 128)
    assert np.abs(small.astype(int) - astronaut.reshape(128, 4, 128, 4, 3).mean((1, 3))).mean() < 4


@pytest.mark.parametrize("size", [32, 100, 400])
def test_any_scale_keeps_the_mean(size: int) -> None:
    image = np.random.default_rng(0).integers(0, 256, (200, 300, 3), np.uint8)
    part = crop(image, Square(150, 100, 120, 0.3), size)
    assert part.shape == (size, size, 3)
    assert abs(part.mean() - 127.5) < 3
    if size == 32:  # averaged, not picked
        assert part.std() < 35


def test_beyond_the_edge_the_photo_is_mirrored() -> None:
    ramp = np.repeat(np.arange(100, dtype=np.uint8)[None, :, None] * 2, 60, 0).repeat(3, 2)
    part = crop(ramp, Square(0, 30, 40), 40)
    assert np.abs(part[20, 20:, 0].astype(int) - np.arange(20) * 2).max() <= 4
    assert np.abs(part[20, :20, 0].astype(int)[::-1] - np.arange(20) * 2).max() <= 8
    far = crop(ramp, Square(-500, 30, 40), 40)
    assert far.shape == (40, 40, 3)


def test_moving_keeps_depth_in_scale() -> None:
    points = np.array([[10, 20, 5], [30, 20, -5]], np.float32)
    moved = move_face(Face(points, 1.0, points[:, :2].ravel()), Square(20, 20, 40, 0), 80)
    assert np.allclose(moved.points, [[20, 40, 10], [60, 40, -10]])
    assert np.allclose(moved.box, [20, 40, 60, 40])
