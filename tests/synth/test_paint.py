from dataclasses import replace

import numpy as np
import pytest

from clipface_cli.head import HeadModel
from clipface_cli.synth import LOOKS, Canvas, Person, paint


def average(people: list[Person]) -> Person:
    """A person without a look, beard, or anything random in their skin."""
    woman = next(p for p in people if p.look == "none" and p.sex == 0 and p.age < 0.3)
    return replace(woman, lipstick=0.0, moles=0.0, freckles=0.0)


def lips(canvas: Canvas) -> np.ndarray:
    return (np.abs(canvas.x) < 0.008) & (np.abs(canvas.y + 0.073) < 0.002) & (canvas.skin > 0.9)


def test_paint_is_deterministic(canvas: Canvas, people: list[Person]) -> None:
    first, second = paint(people[0], canvas), paint(people[0], canvas)
    assert first.shape == (128, 128, 3)
    assert first.dtype == np.uint8
    np.testing.assert_array_equal(first, second)


def test_light_is_symmetric(canvas: Canvas) -> None:
    for field in (canvas.occlusion, canvas.lash, canvas.mouth):
        skin = canvas.skin[:100]
        difference = np.abs(field - field[:, ::-1])[:100] * skin * skin[:, ::-1]
        assert difference.mean() < 0.02 * field.max()


@pytest.mark.parametrize("look", LOOKS[1:])
def test_every_look_changes_the_face(canvas: Canvas, people: list[Person], look: str) -> None:
    person = next(p for p in people if p.look == look)
    plain = replace(person, look="none")
    difference = np.abs(paint(person, canvas).astype(int) - paint(plain, canvas))
    assert difference[canvas.front > 0.5].mean() > (0.3 if look == "party makeup" else 4)


def test_lipstick_reddens_lips(canvas: Canvas, people: list[Person]) -> None:
    bare = average(people)
    red = replace(bare, lipstick=1.0, lipstick_red=0.8, lipstick_green=0.05, lipstick_blue=0.1)
    before, after = (paint(p, canvas)[lips(canvas)].mean(0) for p in (bare, red))
    assert after[0] - after[1] > before[0] - before[1] + 20


def test_strokes_only_appear_as_density_grows(canvas: Canvas, people: list[Person]) -> None:
    base = replace(average(people), sex=1.0, beard_cheeks=1.0, moustache=1.0)
    cheek = (np.abs(canvas.x) < 0.03) & (np.abs(canvas.y + 0.1) < 0.01) & (canvas.front > 0.9)
    darkness = [
        float(paint(replace(base, beard=amount, stubble=amount), canvas)[cheek].mean())
        for amount in (0.0, 0.4, 1.0)
    ]
    assert darkness[0] > darkness[1] + 5 > darkness[2] + 5


def test_small_changes_stay_small(canvas: Canvas, people: list[Person]) -> None:
    person = average(people)
    older = replace(person, melanin=person.melanin + 0.01, wrinkles=person.wrinkles + 0.02)
    difference = np.abs(paint(person, canvas).astype(int) - paint(older, canvas))
    assert 0 < difference.mean() < 4


def test_an_iris_is_about_twelve_millimetres_wide(people: list[Person]) -> None:
    """Blue inside its edge, white beyond, seen from the eyeball's own centre."""
    canvas = Canvas(HeadModel.load("builtin"), 256)
    person = replace(average(people), iris_red=0.1, iris_green=0.2, iris_blue=0.9)
    texture = paint(person, canvas).astype(float)
    blue = texture[..., 2] - texture[..., 0]
    eyes = canvas.region["eyes"] > 0.5
    centre = np.where(canvas.x[..., None] > 0, *canvas.eye_centres)
    away = np.linalg.norm((canvas.position - centre)[..., :2], axis=2)  # metres off the gaze
    ahead = eyes & (canvas.z > canvas.eye_centres[0, 2])
    assert blue[ahead & (np.abs(away - 0.0045) < 0.0005)].mean() > 20
    assert blue[ahead & (np.abs(away - 0.0075) < 0.0005)].mean() < 5
