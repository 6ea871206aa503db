"""How prompts are taken apart, with the embedded guidance."""

import pytest
from torch import Tensor

from clipface_cli.avatar import sample_subject
from clipface_cli.edit import DEFAULT, EditModels, PromptReader
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@pytest.fixture(scope="module")
def reader(head: HeadModel) -> PromptReader:
    generator = Generator.load("builtin")
    models = EditModels(head, generator, load_guidance("builtin"))
    return PromptReader(models, sample_subject(head, generator, 7), DEFAULT)


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
def test_an_expression_and_an_appearance_are_planned_apart(
    reader: PromptReader, prompt: str, planned: str
) -> None:
    (stage,) = reader.stages(prompt, 0)
    assert stage.prompt == planned


def test_both_are_begun(reader: PromptReader) -> None:
    def begun(prompt: str) -> tuple[Tensor, Tensor]:
        (stage,) = reader.stages(prompt, 0)
        return stage.start.expression_offset, stage.start.w_offset

    mood, none = begun("laughing")
    nothing, look = begun("statue")
    assert not none.any()
    assert not nothing.any()
    both = begun("laughing statue")
    assert both[0].equal(mood)
    assert both[1].equal(look)
