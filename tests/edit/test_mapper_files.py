"""Files of one kind of mapper where another is wanted: one sentence says what they hold."""

from pathlib import Path

import pytest
import torch
from torch import Tensor

from clipface_cli.edit import ExpressionMapper, Mappers, MotionMapper, TextureMapper
from clipface_cli.edit.mappers import MOTION_FILE
from clipface_cli.errors import InputError
from clipface_cli.texture import save_state

LEVELS, CODE, EXPRESSION, POSE = 4, 8, 5, 6


def published(inputs: int) -> dict[str, dict[str, Tensor]]:
    """A layer a level, in the published names."""
    layer = {"layers.0.weight": torch.randn(CODE, inputs), "layers.0.bias": torch.zeros(CODE)}
    return {f"level_{level}": layer for level in range(LEVELS)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Every kind of mapper, ours and published."""
    Mappers(TextureMapper(LEVELS, CODE), ExpressionMapper(CODE, EXPRESSION)).save(tmp_path, "red")
    MotionMapper(LEVELS, CODE, EXPRESSION).save(tmp_path / MOTION_FILE)
    torch.save(published(CODE), tmp_path / "plain.pt")
    torch.save(published(CODE + EXPRESSION + POSE), tmp_path / "motion.pt")
    nameless = TextureMapper(LEVELS, CODE).state_dict()
    save_state(tmp_path / "nameless.safetensors", "", nameless, torch.float32, {})
    wider = MotionMapper(LEVELS, CODE, EXPRESSION).state_dict()
    save_state(tmp_path / "wider.safetensors", "", wider, torch.float32, {})
    (tmp_path / "empty").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (MOTION_FILE, "it holds motion-mapper, not texture-mapper"),
        ("expression_mapper.safetensors", "it holds expression-mapper, not texture-mapper"),
        ("motion.pt", "it holds motion-mapper, not mapper"),
        ("wider.safetensors", "not a texture mapper's: they lead from 19 to 8 numbers"),
        ("empty", "empty holds no texture_mapper.safetensors"),
    ],
)
def test_no_mappers_of_codes(folder: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words) as raised:
        Mappers.load(folder / name)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("texture_mapper.safetensors", "it holds texture-mapper, not motion-mapper"),
        ("plain.pt", "it holds mapper, not motion-mapper"),
        ("nameless.safetensors", "not a video mapper's"),
        ("empty", "empty holds no motion_mapper.safetensors"),
    ],
)
def test_no_motion_mappers(folder: Path, name: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        MotionMapper.load(folder / name)


def test_what_is_wanted_is_read(folder: Path) -> None:
    assert Mappers.load(folder).expression is not None
    for name in ("plain.pt", "nameless.safetensors"):
        assert Mappers.load(folder / name).expression is None
    for name in (MOTION_FILE, "motion.pt", "wider.safetensors"):
        assert MotionMapper.load(folder / name).expression == EXPRESSION
