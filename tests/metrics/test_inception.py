"""FID's Inception against recorded outputs, on weights that follow from a rule."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import import_asset
from clipface_cli.errors import InputError
from clipface_cli.metrics import InceptionFID, frechet_distance, kernel_distance, load_features

GOLDEN = Path(__file__).parents[1] / "data/golden"


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    """The rule of the golden files, times the root of two for weights of convolutions."""
    made = {}
    for name, shape in json.loads((GOLDEN / "inception_fid_keys.json").read_text()).items():
        x = np.random.default_rng(zlib.crc32(name.encode())).standard_normal(shape)
        x = np.asarray(x, np.float32)
        if name.endswith("num_batches_tracked"):
            made[name] = torch.tensor(0)
            continue
        if name.endswith("running_var"):
            x = np.ones(shape, np.float32)
        elif name.endswith("running_mean"):
            x = np.zeros(shape, np.float32)
        elif x.ndim == 1:
            x = 1 + 0.1 * x if name.endswith("weight") else 0.1 * x
        else:
            x = x * np.float32(np.sqrt(2 / x[0].size))
        made[name] = torch.from_numpy(x)
    return made


@pytest.fixture(scope="module")
def golden() -> dict[str, np.ndarray]:
    return dict(np.load(GOLDEN / "inception_fid.npz"))


def test_features(state, golden):
    network = InceptionFID.from_state(state)
    random = np.random.default_rng(int(golden["image_seed"]))
    images = torch.from_numpy(random.random((2, 3, 128, 128), dtype=np.float32))
    pool = network.first_pool(images)[:, :, ::8, ::8].numpy()
    np.testing.assert_allclose(pool, golden["pool1_every_8th"], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(network(images), golden["features"], rtol=1e-3, atol=1e-4)


def test_distances(golden):
    random = np.random.default_rng(int(golden["sets_seed"]))
    a = torch.from_numpy(random.standard_normal((300, 64)))
    b = torch.from_numpy(random.standard_normal((250, 64)) * 1.2 + 0.1)
    assert frechet_distance(a, b) == pytest.approx(float(golden["frechet"]), rel=1e-6)
    assert kernel_distance(a, b) == pytest.approx(float(golden["kernel"]), rel=1e-6)


def test_the_published_file_is_imported(state, tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    assert load_features().name == "evaluator"
    path = tmp_path / "pt_inception-2015-12-05-6726825d.pth"
    torch.save(state, path)
    images = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = InceptionFID.load(path)(images)
    assert import_asset(path).name == "inception.safetensors"
    features = load_features()
    assert features.name == "inception"
    assert torch.allclose(features(2 * images - 1), expected, rtol=1e-3, atol=1e-4)


def test_other_files_are_refused(state, tmp_path):
    torch.save({"weight": torch.zeros(3)}, tmp_path / "other.pth")
    with pytest.raises(InputError):
        InceptionFID.load(tmp_path / "other.pth")
    cut = {name: value for name, value in state.items() if "Mixed_6c" not in name}
    with pytest.raises(InputError, match="Inception"):
        InceptionFID.from_state(cut)
