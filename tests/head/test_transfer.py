"""Units carried from the embedded head to one of FLAME's size and topology."""

from pathlib import Path

import flame_like
import numpy as np
import pytest
import torch

from clipface_cli.head import HeadModel


@pytest.fixture(scope="module")
def truth(head: HeadModel) -> flame_like.FlameLike:
    """The stand-in, which knows where its vertices are on the embedded head."""
    return flame_like.make(head)


def carried(truth: flame_like.FlameLike, head: HeadModel, values: torch.Tensor) -> np.ndarray:
    """Values (V, ...) of the embedded head at the stand-in's skin."""
    corners = values.numpy()[head.faces.numpy()[truth.triangle]]
    weights = truth.weights.reshape(*truth.weights.shape, *([1] * (values.ndim - 1)))
    return (corners * weights).sum(1)


@pytest.mark.usefixtures("flame_home")
def test_flame_in_true_size(head: HeadModel, truth: flame_like.FlameLike) -> None:
    flame = HeadModel.load("flame")
    assert flame.template.shape == (5023, 3)
    assert flame.faces.shape == (9976, 3)
    assert (flame.shape_size, flame.expression_size, flame.layout) == (100, 50, "flame")
    assert flame.transfer is not None
    off = carried(truth, head, flame.transfer.placed) - truth.vertices[: truth.skin]
    millimetres = 1000 * np.linalg.norm(off, axis=1)[~truth.pocket]
    assert np.median(millimetres) < 0.6
    assert millimetres[carried(truth, head, head.masks["lips"])[~truth.pocket] > 0.5].max() < 1
    for name in ("lips", "nose", "scalp", "neck", "ears"):
        known = carried(truth, head, head.masks[name])
        assert np.abs(flame.masks[name][: truth.skin].numpy() - known).mean() < 0.01
    known = carried(truth, head, head.units["jawOpen"])
    unit = flame.units["jawOpen"][: truth.skin].numpy()
    assert np.linalg.norm(unit - known, axis=1)[~truth.pocket].mean() < 1e-3
    assert (flame.masks["eyes"] > 0.5).sum() == 2 * flame_like.EYE_VERTICES


def test_embedded_layout_without_head_template(
    flame_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "flame.safetensors").write_bytes((flame_home / "flame.safetensors").read_bytes())
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path))
    (tmp_path / "registered").symlink_to(flame_home / "registered")
    flame = HeadModel.load("flame")
    assert flame.layout == "builtin"
    assert 0 <= flame.uv.min() <= flame.uv.max() <= 1
    edges = flame.uv[flame.uv_faces] - flame.uv[flame.uv_faces].roll(1, 1)
    assert edges.abs().max() < 0.2
