"""How prompts are taken apart, with the embedded guidance."""

import pytest
from torch import Tensor

from clipface_cli.edit import EditSettings, Scene, sample_subject
from clipface_cli.edit.target import Planner
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@pytest.fixture(scope="module")
def planner(head: HeadModel) -> Planner:
    generator = Generator.load("builtin")
    scene = Scene(head, generator, load_guidance("builtin"))
    return Planner(scene, sample_subject(head, generator, 7), EditSettings())


@pytest.mark.parametrize(
    ("prompt", "planned"),
    [
        ("laughing statue", "laughing, statue"),
        ("a very sad old clown", "sad, a very old clown"),
        ("zombie, angry", "zombie, angry"),
        ("raised eyebrows", "raised eyebrows"),
        ("angry face", "angry face"),
        ("old man", "old man"),
        ("laughing - ?", "laughing - ?"),
    ],
)
def test_a_mood_and_a_look_are_planned_apart(planner: Planner, prompt: str, planned: str) -> None:
    (stage,) = planner.stages(prompt, 0)
    assert stage.prompt == planned


def test_both_are_begun(planner: Planner) -> None:
    def begun(prompt: str) -> tuple[Tensor, Tensor]:
        (stage,) = planner.stages(prompt, 0)
        return stage.mood, stage.offset

    mood, none = begun("laughing")
    nothing, look = begun("statue")
    assert not none.any()
    assert not nothing.any()
    both = begun("laughing statue")
    assert both[0].equal(mood)
    assert both[1].equal(look)
