"""The contract of all baselines."""

from types import SimpleNamespace

import pytest
import torch
from device import strict_device
from toy_guidance import MeanColour

from clipface_cli.baselines import BASELINES, Budget, TexturedHead
from clipface_cli.errors import InputError
from clipface_cli.guidance import target_sentence
from clipface_cli.head import HeadModel
from clipface_cli.texture import LinearTexture

NAMES = ["flametex", "clipmatrix", "text2mesh", "text2mesh with displacement", "latent3d"]


def test_the_registry(monkeypatch: pytest.MonkeyPatch, methods: dict[str, object]) -> None:
    assert list(BASELINES) == [name for name in NAMES if "with" not in name]
    assert all(type(BASELINES[name]) is type(methods[name]) for name in BASELINES)
    monkeypatch.setitem(BASELINES, "toy", SimpleNamespace(steps=1))
    assert BASELINES["toy"].steps == 1


@pytest.mark.parametrize("name", NAMES)
def test_a_baseline(
    name: str, methods: dict[str, object], start: TexturedHead, colour: MeanColour
) -> None:
    """The loss falls, the texture comes nearer to the prompt, and all else stays as it is."""
    seen = []
    result = methods[name](start, "red", colour, Budget(steps=12), 3, seen.append)
    again = methods[name](start, "red", colour, Budget(steps=12), 3)
    assert result.steps == len(result.losses) == len(seen) == 12
    assert sum(result.losses[-3:]) < sum(result.losses[:3])
    assert result.losses == pytest.approx(again.losses, rel=1e-2)  # products of matrices vary with
    assert torch.allclose(result.head.texture, again.head.texture, atol=2e-2)  # their alignment
    assert result.head.texture.shape == start.texture.shape
    assert result.head.texture.abs().max() <= 1
    assert torch.equal(seen[-1].head().texture, result.head.texture)
    assert seen[-1].loss == result.losses[-1]
    assert result.head.w is start.w
    assert (result.head.params.displacement is not None) == ("with" in name)
    assert torch.equal(result.head.params.expression, start.params.expression)
    assert result.settings["steps"] == methods[name].steps
    assert result.notes
    assert not result.head.texture.requires_grad
    if name != "latent3d":
        assert result.sentences == (target_sentence("red"),)


@pytest.mark.parametrize("name", NAMES)
def test_a_budget_of_seconds(
    name: str, methods: dict[str, object], start: TexturedHead, colour: MeanColour
) -> None:
    result = methods[name](start, "red", colour, Budget(seconds=0.0))
    assert result.steps == 1
    assert result.seconds > 0


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_prompt(
    name: str, methods: dict[str, object], start: TexturedHead, colour: MeanColour
) -> None:
    with pytest.raises(InputError, match="prompt is empty"):
        methods[name](start, " ", colour, Budget(steps=1))


@pytest.mark.parametrize("name", NAMES)
def test_on_another_device(
    name: str,
    methods: dict[str, object],
    start: TexturedHead,
    linear: LinearTexture,
    away: torch.device,
) -> None:
    expected = methods[name](start, "red", MeanColour(), Budget(steps=3))
    there = TexturedHead(
        HeadModel.load("builtin").to(away),
        start.params.to(away),
        start.texture.to(away),
        start.w.to(away),
        start.generator.to(away),
    )
    with strict_device():
        found = methods[name](there, "red", MeanColour().to(away), Budget(steps=3))
    assert found.head.texture.device == away
    assert found.losses == pytest.approx(expected.losses, abs=2e-3)
