"""CLIP score, identity, the cache of features, tables."""

import json

import numpy as np
import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.metrics import (
    Features,
    Row,
    Table,
    Value,
    cached_features,
    clip_score,
    load_identity,
    paper_rows,
    scoring_models,
)


class Tower:
    """Embeds an image as its mean colour, a prompt as red."""

    def encode_image(self, images):
        return images.mean((2, 3))

    def encode_text(self, prompts):
        return torch.tensor([[1.0, 0.0, 0.0]]).repeat(len(prompts), 1)


def test_clip_score_is_the_mean_cosine():
    colours = torch.tensor([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]])
    images = colours[:, :, None, None].expand(2, 3, 4, 4)
    assert clip_score(images, "red", [Tower()]) == pytest.approx((1 + 0.5**0.5) / 2)
    assert clip_score(images, "red", [Tower(), Tower()]) == pytest.approx((1 + 0.5**0.5) / 2)


def test_the_guide_does_not_score_itself(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path))
    (model,) = scoring_models("builtin")
    with pytest.raises(InputError, match="import a CLIP"):
        scoring_models(model.name)


def test_identity_of_the_same_picture_is_one():
    images = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)) * 2 - 1
    identity = load_identity()
    assert torch.allclose(identity(images, images), torch.ones(2), atol=1e-5)
    assert float(identity(images, -images).max()) < 0.99


def test_an_identity_network_of_ones_own(tmp_path):
    """A network in ArcFace's form: here the mean colour of pictures (N, 3, 112, 112)."""
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    number = onnx.TensorProto.FLOAT
    given = onnx.helper.make_tensor_value_info("data", number, ["N", 3, 112, 112])
    made = onnx.helper.make_tensor_value_info("fc1", number, ["N", 3])
    axes = onnx.numpy_helper.from_array(np.array([2, 3], np.int64), "axes")
    node = onnx.helper.make_node("ReduceMean", ["data", "axes"], ["fc1"], keepdims=0)
    graph = onnx.helper.make_graph([node], "mean", [given], [made], [axes])
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 18)])
    model.ir_version = 9
    onnx.save(model, tmp_path / "arcface.onnx")
    identity = load_identity(tmp_path / "arcface.onnx")
    red, grey = torch.tensor([1.0, 0, 0]), torch.tensor([0.5, 0.5, 0.5])
    pictures = torch.stack([red, grey])[:, :, None, None].expand(2, 3, 64, 64)
    assert identity.name == "arcface"
    assert torch.allclose(identity.embed(pictures), torch.stack([red, grey]), atol=1e-5)
    assert torch.allclose(identity(pictures[:1], pictures[1:]), torch.tensor([3**-0.5]), atol=1e-5)


def test_an_identity_network_needs_a_file_that_it_can_read(tmp_path):
    (tmp_path / "arcface.onnx").write_bytes(b"no network")
    with pytest.raises(InputError, match="onnx"):
        load_identity(tmp_path / "arcface.onnx")


def test_features_are_computed_once(tmp_path, monkeypatch):
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    image = tmp_path / "a.png"
    image.write_bytes(b"first")
    features, calls = Features("mean", lambda images: images.mean((2, 3)), "1"), []

    def batches():
        calls.append(1)
        yield torch.ones(2, 3, 4, 4)

    first = cached_features(features, [image], 4, batches())
    assert torch.equal(first, torch.ones(2, 3))
    assert torch.equal(cached_features(features, [image], 4, batches()), first)
    assert len(calls) == 1
    (stored,) = (tmp_path / "home/cache").iterdir()
    stored.write_bytes(b"damaged")
    assert torch.equal(cached_features(features, [image], 4, batches()), first)
    image.write_bytes(b"second")
    cached_features(features, [image], 4, batches())
    assert len(calls) == 3


def test_tables():
    rows = [Row("ours", {"FID": Value(1.23456, 0.1), "note": "x"}), *paper_rows("edits")]
    table = Table("Edits", ["FID", "CLIP score", "note"], rows, ["Features: evaluator."])
    text = table.markdown()
    assert "1.235 ± 0.100" in text
    assert "0.264 ± 0.044" in text
    assert "Text2Mesh (paper's figures)" in text
    assert "<tr class=paper>" in table.html()
    assert table.csv().splitlines()[1] == "ours,measured,1.23456,0.1,,,x,"
    assert json.loads(json.dumps(table.as_dicts()))[0]["FID"] == {"mean": 1.23456, "error": 0.1}


def test_the_papers_figures():
    rows = {row.name: row.values for row in paper_rows("textures")}
    assert rows["ClipFace"]["FID"].mean == 9.559
    assert len(rows) == 4
