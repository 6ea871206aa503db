"""The embedded linear texture model."""

from pathlib import Path

import pytest
import torch
from device import strict_device
from toy_guidance import MeanColour

from clipface_cli.assets import builtin
from clipface_cli.baselines import Budget, FlameTex, TexturedHead
from clipface_cli.baselines.flametex import linear_texture
from clipface_cli.baselines.painted_texture import painted_texture, write_painted_texture
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import LinearTexture


def test_what_ships() -> None:
    with strict_device():
        model = painted_texture()
    assert (model.components, model.resolution) == (50, 512)
    assert builtin("linear_texture.safetensors").stat().st_size < 2.5e6
    assert model.mean.abs().max() <= 1
    spread = model.basis.square().mean((1, 2, 3)).sqrt()
    assert (spread[:-1] > 0.9 * spread[1:]).all()  # the largest first
    assert spread[0] > 5 * spread[-1]


def test_written_and_read(tmp_path: Path) -> None:
    rows = torch.linspace(-1, 1, 64)
    basis = torch.stack([rows.expand(3, 64, 64), 0.1 * rows[:, None].expand(3, 64, 64)])
    model = LinearTexture(0.5 * rows.expand(1, 3, 64, 64), basis)
    write_painted_texture(tmp_path / "model.safetensors", model, 90, 3)
    read = painted_texture(tmp_path / "model.safetensors")
    assert (read.mean - model.mean).abs().max() <= 1.01 / 255
    assert (read.basis[0] - basis[0]).abs().mean() < 0.02
    assert (read.basis[1] - basis[1]).abs().mean() < 0.002


def test_which_model(head: HeadModel, start: TexturedHead, monkeypatch: object) -> None:
    assert linear_texture(head).components == 50
    monkeypatch.setattr(head, "layout", "own")
    with pytest.raises(InputError, match="no linear texture model for the layout"):
        FlameTex()(start, "red", MeanColour(), Budget(1))
    monkeypatch.setattr(head, "layout", "flame")
    with pytest.raises(InputError, match="flame-texture does not exist"):
        linear_texture(head)
