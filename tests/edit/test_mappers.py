"""Mappers against the published ones, and their files."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.edit.mappers import ExpressionMapper, TextureMapper, pretrain_zero
from clipface_cli.errors import InputError
from clipface_cli.texture import save_state

GOLDEN = Path(__file__).parents[1] / "data" / "golden" / "clipface_mapper.npz"


@pytest.fixture
def golden() -> dict[str, torch.Tensor]:
    return {k: torch.from_numpy(v) for k, v in np.load(GOLDEN).items()}


def part(golden, name):
    return {k.removeprefix(f"{name}/"): v for k, v in golden.items() if k.startswith(f"{name}/")}


def test_match_published(golden):
    x = golden["x"]
    texture = TextureMapper.from_state(part(golden, "texture"))
    offsets = texture(x[:, None].expand(-1, 3, -1))
    assert offsets.shape == (5, 3, 32)
    for level in offsets.unbind(1):
        assert torch.allclose(level, golden["texture_out"], atol=1e-5)
    expression = ExpressionMapper.from_state(part(golden, "expression"))
    spread = torch.randn(5, 1, 32)
    w = torch.cat([x[:, None] - spread, x[:, None] + spread], 1)
    assert torch.allclose(expression(w), golden["expression_out"], atol=1e-5)


def test_levels_are_independent(golden, tmp_path):
    states = [TextureMapper(1, 32).state_dict() for _ in range(3)]
    published = {f"level_{i}.{k}": v[0] for i, s in enumerate(states) for k, v in s.items()}
    save_state(tmp_path / "texture_mapper.safetensors", "test", published, torch.float32, {})
    mapper = TextureMapper.load(tmp_path)
    w = torch.randn(2, 3, 32)
    for i, state in enumerate(states):
        alone = TextureMapper.from_state(state)(w[:, i : i + 1])
        assert torch.allclose(mapper(w)[:, i : i + 1], alone, atol=1e-5)
    mapper.save(tmp_path / "again.safetensors")
    assert torch.equal(TextureMapper.load(tmp_path / "again.safetensors")(w), mapper(w))


@pytest.mark.parametrize("mapper", [TextureMapper(4, 32), ExpressionMapper(32)])
def test_pretrained_to_zero_and_trainable(mapper):
    w = torch.randn(6, 4, 32)
    pretrain_zero(mapper)
    assert mapper(w).abs().max() == 0
    optimizer = torch.optim.Adam(mapper.parameters(), lr=0.1)
    for _ in range(20):
        optimizer.zero_grad()
        (mapper(w) - 0.05).square().mean().backward()
        optimizer.step()
    assert (mapper(w) - 0.05).square().mean() < 0.05**2 / 2


def test_wrong_weights_are_refused():
    with pytest.raises(InputError):
        TextureMapper.from_state({"weight": torch.zeros(1)})
