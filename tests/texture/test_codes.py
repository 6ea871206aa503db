"""Latent codes from every place where they may lie."""

import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from clipface_cli.artifacts import Sidecar, write_sidecar
from clipface_cli.assets import import_asset
from clipface_cli.errors import InputError
from clipface_cli.texture import load_codes

CODES = torch.randn(12, 18, 32, generator=torch.Generator().manual_seed(0))


@pytest.fixture(autouse=True)
def asset_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A folder as ClipFace's zip holds it."""
    folder = tmp_path / "clip_latents_val"
    folder.mkdir()
    for index, code in enumerate(CODES):
        torch.save(code, folder / f"w_{index:06}_{index * 611:04}.pt")
    return folder


def test_published_codes(published: Path) -> None:
    codes = load_codes(published)
    assert codes.dtype == torch.float32
    assert torch.equal(codes, CODES)
    with zipfile.ZipFile(published.with_suffix(".zip"), "w") as archive:
        for path in published.iterdir():
            archive.write(path, f"{published.name}/{path.name}")
    assert torch.equal(load_codes(published.with_suffix(".zip")), CODES)


@pytest.mark.parametrize(
    "name", ["latents-clip_latents_val", "clip_latents_val", "Clip_Latents_VAL"]
)
def test_imported_codes_by_name(published: Path, name: str) -> None:
    import_asset(published)
    assert torch.equal(load_codes(name), CODES)
    with pytest.raises(InputError, match=r"imported asset \(latents-clip_latents_val\)"):
        load_codes("clip_latents_train")


def test_one_file(published: Path, tmp_path: Path) -> None:
    first = sorted(published.iterdir())[0]
    assert torch.equal(load_codes(str(first)), CODES[:1])
    np.save(tmp_path / "all.npy", CODES.double().numpy())
    assert torch.equal(load_codes(tmp_path / "all.npy"), CODES)
    save_file({"w": CODES[:1]}, tmp_path / "one.safetensors")
    assert torch.equal(load_codes(tmp_path / "one.safetensors"), CODES[:1])
    torch.save(CODES[:1].half(), tmp_path / "half.pt")
    assert torch.equal(load_codes(tmp_path / "half.pt"), CODES[:1].half().float())


def test_the_code_of_a_textured_mesh(tmp_path: Path) -> None:
    sidecar = tmp_path / "000.clipface.safetensors"
    parts = {"shape": torch.zeros(1, 100), "expression": torch.zeros(1, 50)}
    write_sidecar(sidecar, Sidecar(head_id="any", **parts, pose=torch.zeros(1, 6), w=CODES[:1]))
    assert torch.equal(load_codes(sidecar), CODES[:1])


@pytest.mark.parametrize(
    ("codes", "sentence"),
    [
        (torch.zeros(512), "one row of 512 numbers.*a row for each level"),
        (torch.zeros(1, 512), r"shape \(1, 512\)"),
        (torch.zeros(2, 2, 18, 512), r"shape \(2, 2, 18, 512\)"),
        (torch.full((18, 512), torch.nan), "not finite"),
        ({"level_0": {"layers.0.weight": torch.zeros(16, 16), "layers.0.bias": torch.zeros(16)}},
         "it holds mapper, not latents"),
    ],
)  # fmt: skip
def test_what_is_no_code(codes: object, sentence: str, tmp_path: Path) -> None:
    torch.save(codes, tmp_path / "w.pt")
    with pytest.raises(InputError, match=sentence):
        load_codes(tmp_path / "w.pt")


def test_codes_of_two_generators(published: Path) -> None:
    torch.save(CODES[0, :12], published / "x.pt")
    with pytest.raises(InputError, match="different shapes"):
        load_codes(published)
