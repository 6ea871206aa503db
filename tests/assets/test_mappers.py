"""Mappers in ClipFace's published layouts, told apart by their widths; small ones, made here."""

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import Refused, import_asset, read_asset
from clipface_cli.edit import ExpressionMapper, TextureMapper
from clipface_cli.errors import InputError
from clipface_cli.texture import load_state

State = dict[str, torch.Tensor]
LEVELS, CODE, EXPRESSION, POSE = 18, 16, 5, 6


def network(*widths: int, seed: int = 0) -> State:
    """An MLP in the published names; widths: numbers into the first layer, and out of each."""
    random = torch.Generator().manual_seed(seed)
    state = {}
    for layer, (inputs, outputs) in enumerate(pairwise(widths)):
        state[f"layers.{layer}.weight"] = torch.randn(outputs, inputs, generator=random)
        state[f"layers.{layer}.bias"] = torch.randn(outputs, generator=random)
    return state


def levels(*widths: int, count: int = LEVELS) -> dict[str, State]:
    return {f"level_{i}": network(*widths, seed=i) for i in range(count)}


PLAIN = (CODE,) * 5
FACE = (CODE, *[EXPRESSION] * 4)
MOTION = (CODE + EXPRESSION + POSE, CODE)


@pytest.fixture
def saved(tmp_path: Path) -> Callable[[object], Path]:
    def save(tree: object) -> Path:
        torch.save(tree, tmp_path / "angry.pt")
        return tmp_path / "angry.pt"

    return save


@pytest.mark.parametrize("geo", [True, False])
def test_mappers_of_codes(saved: Callable, geo: bool) -> None:
    tree = levels(*PLAIN) | ({"geo": network(*FACE)} if geo else {})
    target = import_asset(saved(tree))
    asset = read_asset(target)
    assert (asset.kind, asset.name) == ("mapper", "mapper-angry")
    assert asset.arrays["texture.layers.3.weight"].shape == (LEVELS, CODE, CODE)
    assert ("expression.layers.0.weight" in asset.arrays) == geo
    w = torch.randn(2, LEVELS, CODE)
    offsets = TextureMapper.load(target)(w)
    alone = TextureMapper.from_state(tree["level_7"])(w[:, 7:8])
    assert torch.allclose(offsets[:, 7:8], alone, atol=1e-6)
    if geo:
        assert ExpressionMapper.load(target)(w).shape == (2, EXPRESSION)


def test_zero_offset_mappers_serve_all_levels(saved: Callable) -> None:
    tree = {"texture_mapper": network(*PLAIN), "geometry_mapper": network(*FACE)}
    asset = read_asset(saved(tree))
    assert asset.kind == "mapper"
    assert asset.arrays["texture.layers.0.weight"].shape == (1, CODE, CODE)
    assert asset.arrays["expression.layers.0.weight"].shape == (1, EXPRESSION, CODE)


@pytest.mark.parametrize(
    ("tree", "count"),
    [(levels(*MOTION), LEVELS), ({"texture_mapper": network(*MOTION)}, 1)],
    ids=["levels", "zero-offset"],
)
def test_motion_mappers(saved: Callable, tree: dict[str, State], count: int) -> None:
    target = import_asset(saved(tree))
    asset = read_asset(target)
    assert (asset.kind, asset.name) == ("motion-mapper", "motion-mapper-angry")
    weight, bias = (asset.arrays[f"texture.layers.0.{end}"] for end in ("weight", "bias"))
    assert weight.shape == (count, CODE, CODE + EXPRESSION + POSE)
    assert bias.shape == (count, CODE)
    last = next(reversed(tree.values()))
    assert np.array_equal(weight[-1], last["layers.0.weight"])
    with pytest.raises(InputError, match="it holds motion-mapper, not mapper"):
        load_state(target, "mapper")
    with pytest.raises(InputError, match="it holds motion-mapper, not mapper"):
        load_state(saved(tree), "mapper")
    assert load_state(target, "motion-mapper").keys() == asset.arrays.keys()


@pytest.mark.parametrize(
    ("tree", "sentence"),
    [
        ({"level_0": network(*PLAIN), "level_2": network(*PLAIN)}, "level_1 is missing"),
        ({"level_0": network(*PLAIN), "level_1": network(*MOTION)}, "its levels differ"),
        (levels(CODE, 10, count=2), "from 16 to 10 numbers"),
        (levels(CODE, CODE + 1, count=2), "from 16 to 17 numbers"),
        ({"level_0": {"layers.0.weight": torch.zeros(16, 16)}}, "lacks its weight or bias"),
        ({"level_0": {**network(*PLAIN), "layers.1.bias": torch.zeros(3)}}, "layer 1 does not fit"),
        ({"geo": network(*FACE)}, "no command uses"),
        ({**levels(*PLAIN), "geo": network(8, 5)}, "do not belong together"),
        ({**levels(*MOTION), "geo": network(*FACE)}, "an expression mapper too"),
        (network(*FACE), "nothing in it says which"),
        ({k: v[None] for k, v in network(*PLAIN).items()}, "clipface itself wrote it"),
    ],
)
def test_what_is_no_whole_mapper(saved: Callable, tree: object, sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        read_asset(saved(tree))
