"""FLAME from its published files, against recorded vertices."""

import pickle
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import import_asset
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel

GOLDEN = Path(__file__).parents[1] / "data" / "golden"
PICKLE = GOLDEN / "flame_generic_model.pkl"


@pytest.fixture(autouse=True)
def asset_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


@pytest.fixture
def recorded() -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in np.load(GOLDEN / "flame_vertices.npz").items()}  # fmt: skip # noqa: E501


@pytest.fixture(params=["pkl", "npz", "safetensors", "name"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """The same model as it is published, as arrays, imported, and by its name."""
    if request.param == "pkl":
        return PICKLE
    imported = import_asset(PICKLE)
    if request.param == "npz":
        from clipface_cli.assets import read_asset

        arrays = read_asset(imported).arrays
        parents = arrays["parents"].astype(np.int64)
        chain = np.stack([np.where(parents < 0, 2**32 - 1, parents), np.arange(5)])
        kept = {k: v for k, v in arrays.items() if k not in ("parents", "faces")}
        np.savez(tmp_path / "flame.npz", **kept, f=arrays["faces"], kintree_table=chain)
        return tmp_path / "flame.npz"
    return imported if request.param == "safetensors" else "flame"


def test_vertices_match_the_reference(
    source: Path | str, recorded: dict[str, torch.Tensor]
) -> None:
    flame = HeadModel.load(source)
    arguments = [recorded[name] for name in ("shape", "expression", "pose")]
    assert (flame(*arguments) - recorded["vertices"]).abs().max() < 1e-5
    turned = flame(*arguments, eye_pose=recorded["eye_pose"])
    assert (turned - recorded["vertices_with_eye_pose"]).abs().max() < 1e-5
    precise = flame.double()(*[a.double() for a in arguments])
    assert (precise - recorded["vertices"]).abs().max() < 1e-5


def test_neck_turns_what_hangs_on_it(head: HeadModel) -> None:
    still = torch.zeros(1, 100), torch.zeros(1, 50), torch.zeros(1, 6)
    neck = torch.tensor([[0.0, 0.5, 0.0]])
    moved = (head(*still, neck_pose=neck) - head(*still)).norm(dim=2)[0]
    lowest = head.template[:, 1] < head.template[:, 1].quantile(0.02)
    assert moved[head.masks["nose"] > 0.9].min() > max(0.02, 3 * float(moved[lowest].mean()))
    flame = HeadModel.load(PICKLE)
    assert not torch.equal(flame(*still, neck_pose=neck), flame(*still))


def test_all_coefficients_are_available(recorded: dict[str, torch.Tensor]) -> None:
    flame = HeadModel.load(PICKLE, shape_size=300, expression_size=100)
    assert (flame.shape_size, flame.expression_size) == (300, 100)
    shape = torch.cat([recorded["shape"], torch.zeros(4, 200)], 1)
    expression = torch.cat([recorded["expression"], torch.zeros(4, 50)], 1)
    vertices = flame(shape, expression, recorded["pose"])
    assert (vertices - recorded["vertices"]).abs().max() < 1e-5
    with pytest.raises(InputError, match="300 shape and 100 expression"):
        HeadModel.load(PICKLE, shape_size=301)


def test_gradients(recorded: dict[str, torch.Tensor]) -> None:
    flame = HeadModel.load(PICKLE, 3, 2).double()
    inputs = (
        torch.randn(2, 3),
        torch.randn(2, 2),
        0.3 * torch.randn(2, 6),
        0.3 * torch.randn(2, 3),
    )
    doubles = [value.double().requires_grad_() for value in inputs]
    assert torch.autograd.gradcheck(lambda *p: flame(*p)[:, ::20], doubles)


def write_template(path: Path, count: int) -> None:
    """A head_template.obj of a triangle fan with its own uv."""
    lines = [f"v {i} 0 0" for i in range(count)]
    lines += [f"vt {i / count} 0.5" for i in range(count + 3)]
    lines += [f"f {i}/{i + 2} {i + 1}/{i + 3} {i + 2}/{i + 4}" for i in range(1, count - 1)]
    path.write_text("\n".join(lines) + "\n")


def test_companions_beside_the_model(tmp_path: Path) -> None:
    model = tmp_path / "generic_model.pkl"
    shutil.copy(PICKLE, model)
    plain = HeadModel.load(model)
    assert plain.uv_faces.shape == plain.faces.shape
    assert 0 <= plain.uv.min() <= plain.uv.max() <= 1
    assert "static" not in plain.landmarks

    write_template(tmp_path / "head_template.obj", 60)
    masks = {"face": [0, 1, 2], "nose": [2], "scalp": [5], "neck": [6], "left_ear": [7], "right_ear": [8]}  # fmt: skip # noqa: E501
    arrays = {name: np.array(value) for name, value in masks.items()}
    (tmp_path / "FLAME_masks.pkl").write_bytes(pickle.dumps(arrays, protocol=2))
    landmarks = {
        "static_lmk_faces_idx": np.array([3, 4]),
        "static_lmk_bary_coords": np.array([[1.0, 0, 0], [0.2, 0.3, 0.5]]),
    }
    np.save(tmp_path / "landmark_embedding.npy", np.array(landmarks, object))
    whole = HeadModel.load(model)
    assert whole.uv.shape == (63, 2)
    assert whole.faces[0].tolist() == [0, 1, 2]
    assert whole.uv_faces[0].tolist() == [2, 3, 4]
    assert whole.masks["ears"].nonzero().flatten().tolist() == [7, 8]
    vertices, weights = whole.landmarks["static"]
    assert torch.equal(vertices, plain.faces[[3, 4]])
    assert weights.sum(1).tolist() == pytest.approx([1, 1])


def test_published_mediapipe_points_replace_carried_ones(tmp_path: Path) -> None:
    shutil.copy(PICKLE, tmp_path / "generic_model.pkl")
    plain = HeadModel.load(tmp_path / "generic_model.pkl")
    published = {
        "lmk_face_idx": np.array([3, 4]),
        "lmk_b_coords": np.array([[1.0, 0, 0], [0.2, 0.3, 0.5]]),
        "landmark_indices": np.array([7, 400]),
    }
    np.save(tmp_path / "landmark_embedding.npy", np.array(published, object))
    corners, weights = HeadModel.load(tmp_path / "generic_model.pkl").landmarks["mediapipe"]
    assert corners.shape == weights.shape == (468, 3)
    assert torch.equal(corners[[7, 400]], plain.faces[[3, 4]])
    assert weights[7].tolist() == [1, 0, 0]
    assert torch.equal(corners[8], plain.landmarks["mediapipe"][0][8])


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "model.pkl").write_bytes(pickle.dumps({"v_template": np.zeros((3, 3))}, protocol=2))
    with pytest.raises(InputError, match="holds no model or data"):
        HeadModel.load(tmp_path / "model.pkl")
    with pytest.raises(InputError, match="clipface assets import"):
        HeadModel.load("flame")
