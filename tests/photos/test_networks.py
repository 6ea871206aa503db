"""The published networks, with weights by rule, against recorded outputs."""

import json
import zlib
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.cli import app, run
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.photos import find_faces, load_encoder, load_parser
from clipface_cli.photos.deca import DecaEncoder, face_square, split
from clipface_cli.photos.encoder import project
from clipface_cli.photos.squares import cut

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


@pytest.fixture(autouse=True)
def asset_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))


def by_rule(name: str, prefix: str = "") -> dict[str, torch.Tensor]:
    """A state dict of the listed keys and shapes, each tensor drawn from its key's name."""
    state = {}
    for key, shape in json.loads((GOLDEN / f"{name}_keys.json").read_text()).items():
        rule = key.removeprefix(prefix)
        x = np.random.default_rng(zlib.crc32(rule.encode())).standard_normal(shape)
        x = np.asarray(x, np.float32)
        if key.endswith("num_batches_tracked"):
            state[key] = torch.tensor(0)
        elif key.endswith(("running_var", "running_mean")):
            state[key] = torch.full(shape, float(key.endswith("running_var")))
        elif len(shape) == 1:
            state[key] = torch.from_numpy((key.endswith("weight") + 0.1 * x).astype(np.float32))
        else:
            state[key] = torch.from_numpy(x / np.float32(np.sqrt(x[0].size)))
    return state


def relative(found: torch.Tensor, wanted: np.ndarray) -> float:
    wanted = torch.from_numpy(wanted)
    return float((found - wanted).abs().max() / wanted.abs().max())


def test_deca(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    golden = np.load(GOLDEN / "deca_encoder.npz")
    state = by_rule("deca_encoder", "E_flame.")
    inner = {key.removeprefix("E_flame."): value for key, value in state.items()}
    original = tmp_path / "deca_model.tar"
    torch.save({"E_flame": inner, "E_detail": {"layers.0.bias": torch.zeros(1)}}, original)
    assert run(app, ["assets", "import", str(original)]) == 0
    images = np.random.default_rng(int(golden["image_seed"])).random((2, 3, 224, 224), np.float32)
    output = load_encoder("deca").network(torch.from_numpy(images))
    assert relative(output, golden["output"]) < 1e-3
    torch.save(state, original)
    same = load_encoder(f"deca:{original}").network
    assert torch.equal(same.layers[0].weight, inner["layers.0.weight"])


def test_bisenet(tmp_path: Path) -> None:
    golden = np.load(GOLDEN / "bisenet.npz")
    original = tmp_path / "79999_iter.pth"
    torch.save(by_rule("bisenet"), original, _use_new_zipfile_serialization=False)
    assert run(app, ["assets", "import", str(original)]) == 0
    seed = int(golden["image_seed"])
    images = np.random.default_rng(seed).standard_normal((1, 3, 256, 256)).astype(np.float32)
    for source in ("bisenet", f"bisenet:{original}"):
        logits = load_parser(source).network(torch.from_numpy(images))
        assert relative(logits[..., ::8, ::8], golden["logits_every_8th_pixel"]) < 1e-3
        agree = (logits.argmax(1).numpy() == golden["labels"]).mean()
        assert agree >= 0.999


def test_wrong_words_and_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="give one of landmarks, photometric, deca"):
        load_encoder("emoca")
    with pytest.raises(InputError, match="does not exist"):
        load_parser("bisenet")
    torch.save(
        {"net.0.weight": torch.zeros(1), "b4.out.weight": torch.zeros(1)}, tmp_path / "d.pth"
    )
    with pytest.raises(InputError, match="holds discriminator, not deca"):
        load_encoder(f"deca:{tmp_path / 'd.pth'}")


def test_deca_crop_is_folded_into_the_camera(head: HeadModel, astronaut: np.ndarray) -> None:
    seen = []
    output = torch.randn(1, 236, generator=torch.Generator().manual_seed(0))
    output[0, 206] = 8.0  # the camera's scale

    def network(images: torch.Tensor) -> torch.Tensor:
        seen.append(images)
        return output

    encoder = DecaEncoder(network, head)
    faces = find_faces(astronaut)
    encoded = encoder.encode(astronaut[None], faces)
    square = face_square(faces[0])
    crop = torch.from_numpy(cut(astronaut, square, 224)).permute(2, 0, 1)[None] / 255
    assert torch.equal(seen[0], crop)
    parts = split(output)
    assert torch.equal(encoded.params.pose, parts["pose"])
    point = torch.tensor([[[0.03, -0.05, 0.01]]])
    inside = project(point, parts["camera"])[0, 0].double()
    whole = project(point, encoded.camera)[0, 0].double()
    pixel = torch.stack([whole[0] + 1, 1 - whole[1]]) * 256
    left, top = square.x - square.side / 2, square.y - square.side / 2
    wanted = torch.stack([inside[0] + 1, 1 - inside[1]]) * square.side / 2
    assert pixel.tolist() == pytest.approx((wanted + torch.tensor([left, top])).tolist(), abs=1e-2)
