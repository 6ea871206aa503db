"""FLAME's texture model from a small file in the published format."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import import_asset, read_asset
from clipface_cli.errors import InputError
from clipface_cli.texture import LinearTexture

SIDE, COMPONENTS = 8, 200


@pytest.fixture(autouse=True)
def asset_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))


def published() -> dict[str, np.ndarray]:
    """mean and tex_dir in 0..255, blue first; vt and ft of the layout beside them."""
    random = np.random.default_rng(0)
    return {
        "mean": random.uniform(0, 255, (SIDE, SIDE, 3)),
        "tex_dir": random.normal(0, 12, (SIDE, SIDE, 3, COMPONENTS)),
        "vt": np.zeros((5118, 2)),
        "ft": np.zeros((9976, 3), np.int64),
    }


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_eq_24(tmp_path: Path, save: object) -> None:
    file, arrays = tmp_path / "FLAME_texture.npz", published()
    save(file, **arrays)
    target = import_asset(file)
    asset = read_asset(target)
    assert (asset.kind, asset.name) == ("flame-texture", "flame-texture")
    assert asset.arrays["tex_dir"].shape == (SIDE, SIDE, 3, 50)
    assert asset.arrays["tex_dir"].dtype == np.float16
    coefficients = torch.randn(4, 50, generator=torch.Generator().manual_seed(0))
    levels = arrays["mean"] + np.einsum(
        "hwck,bk->bhwc", arrays["tex_dir"][..., :50], coefficients.numpy()
    )
    expected = torch.from_numpy(levels[..., ::-1].copy()).permute(0, 3, 1, 2) / 127.5 - 1
    for source in (file, target, "flame-texture"):
        model = LinearTexture.load(source)
        assert (model.components, model.resolution) == (50, SIDE)
        assert model.mean.shape == (1, 3, SIDE, SIDE)
        assert model.basis.shape == (50, 3, SIDE, SIDE)
        texture = model(coefficients)
        assert texture.shape == (4, 3, SIDE, SIDE)
        assert (texture - expected).abs().max() < 2e-3
        assert torch.equal(model(torch.zeros(1, 50)), model.mean)


def test_coefficients_have_gradients(tmp_path: Path) -> None:
    np.savez(tmp_path / "FLAME_texture.npz", **published())
    model = LinearTexture.load(tmp_path / "FLAME_texture.npz").double()
    start = torch.zeros(2, 50, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(model, start)
    assert not list(model.parameters())


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"mean": np.zeros((8, 9, 3))}, r"mean \(8, 9, 3\) and tex_dir .* do not fit together"),
        ({"tex_dir": np.zeros((4, 4, 3, 9))}, "do not fit together"),
        ({"tex_dir": np.zeros((8, 8, 3, 0))}, "empty or not finite"),
        ({"tex_dir": np.full((8, 8, 3, 2), 1e6)}, "empty or not finite"),
        ({"MU": np.zeros(3), "PC": np.zeros(3)}, "albedo model made from BFM, which no command"),
    ],
)
def test_other_texture_models(change: dict[str, np.ndarray], sentence: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "texture.npz", **{**published(), **change})
    with pytest.raises(InputError, match=sentence):
        LinearTexture.load(tmp_path / "texture.npz")


def test_without_it(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="flame-texture does not exist"):
        LinearTexture.load()


def test_components_are_those_of_the_textures():
    torch.manual_seed(0)
    basis = torch.randn(2, 3, 8, 8) * torch.tensor([0.1, 0.05])[:, None, None, None]
    textures = 0.1 + torch.einsum("nk,kcxy->ncxy", torch.randn(300, 2), basis)
    model = LinearTexture.fit(textures, 2)
    lengths = [x.flatten(1).norm(dim=1) for x in (model.basis, basis)]
    assert torch.allclose(*lengths, rtol=0.2)
    spread = model(torch.randn(400, 2)).std(0).mean()
    assert torch.allclose(spread, textures.std(0).mean(), rtol=0.1)
    with pytest.raises(InputError):
        LinearTexture.fit(textures[:2], 2)
