"""Limits and what they measure."""

import dataclasses

import numpy as np
import pytest
from PIL import Image, ImageFilter
from scipy.spatial.transform import Rotation

from clipface_cli.photos import find_faces
from clipface_cli.photos.filters import (
    Limits,
    blur,
    face_pixels,
    reason_against,
    share_inside,
    turns,
)

GOOD = {"pixels": 200.0, "inside": 1.0, "blur": 0.4, "headwear": 0.0, "eyewear": 0.2, "yaw": 5.0}


@pytest.mark.parametrize(
    ("score", "value", "reason"),
    [
        ("pixels", 95.0, "face too small"),
        ("inside", 0.8, "face cut off"),
        ("blur", 0.9, "blurred"),
        ("headwear", 0.98, "headwear"),
        ("eyewear", 0.98, "eyewear"),
        ("yaw", -70.0, "extreme pose"),
        ("pitch", 60.0, "extreme pose"),
        ("roll", 60.0, "extreme pose"),
        ("residual", 0.3, "fit residual too high"),
    ],
)
def test_each_limit_has_its_reason(score: str, value: float, reason: str) -> None:
    assert reason_against(GOOD, Limits()) is None
    assert reason_against(GOOD | {score: value}, Limits()) == reason


def test_limits_move_and_doubt_keeps() -> None:
    limits = dataclasses.replace(Limits(), yaw=80, accessories=False)
    assert reason_against(GOOD | {"yaw": 70.0, "headwear": 1.0}, limits) is None
    assert reason_against(GOOD | {"headwear": 0.6}, Limits()) is None


def test_blur_grows_with_blurring(astronaut: np.ndarray) -> None:
    face = find_faces(astronaut)[0]
    values = [
        blur(np.array(Image.fromarray(astronaut).filter(ImageFilter.GaussianBlur(radius))), face)
        for radius in (0, 1, 2, 4)
    ]
    assert values == sorted(values)
    assert values[0] < Limits().blur < values[-1]
    assert blur(np.zeros_like(astronaut), face) == 1


def test_size_and_cut(astronaut: np.ndarray) -> None:
    face = find_faces(astronaut)[0]
    assert face_pixels(face) == pytest.approx(110, abs=6)
    assert share_inside(face, astronaut) == 1
    assert share_inside(face, astronaut[:110]) < 0.8


def test_turns_are_degrees_about_the_heads_axes() -> None:
    rotation = Rotation.from_euler("YXZ", [30, -10, 5], degrees=True).as_rotvec()
    assert turns(rotation) == pytest.approx({"yaw": 30, "pitch": -10, "roll": 5}, abs=1e-4)
