"""Folders and zips of files that belong together: latent codes, frames of a sequence."""

import pickle
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.assets import Refused, import_asset, read_asset
from clipface_cli.errors import InputError

CODES = torch.randn(11, 18, 32, generator=torch.Generator().manual_seed(0))


def write_codes(folder: Path, codes: torch.Tensor = CODES) -> Path:
    """As ClipFace publishes them: one tensor a file, numbered."""
    folder.mkdir(parents=True)
    for index, code in enumerate(codes):
        torch.save(code, folder / f"w_{index}_{7 * index:04}.pt")
    return folder


def write_frames(folder: Path, count: int = 3) -> Path:
    folder.mkdir(parents=True)
    for index in range(count):
        frame = {"exp": np.full((1, 50), index, np.float32), "pose": np.zeros((1, 6), np.float32)}
        (folder / f"{index}.pkl").write_bytes(pickle.dumps(frame))
    return folder


def zipped(folder: Path, *inside: Path, method: int = zipfile.ZIP_DEFLATED) -> Path:
    """The folder, or those inside it, in a zip with what macOS adds."""
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w", method) as archive:
        for file in sorted(f for part in inside or (folder,) for f in part.rglob("*")):
            archive.write(file, file.relative_to(folder.parent))
            archive.writestr(f"__MACOSX/{file.parent.name}/._{file.name}", b"")
        archive.writestr(f"{folder.name}/.DS_Store", b"")
    return path


def test_a_folder_of_codes_is_one_asset_in_the_order_of_its_numbers(tmp_path: Path) -> None:
    folder = write_codes(tmp_path / "clip_latents_val")
    (folder / "README.txt").write_text("text")
    (folder / "._w_0_0000.pt").write_bytes(b"hidden")
    asset = read_asset(import_asset(folder))
    assert (asset.kind, asset.name) == ("latents", "latents-clip_latents_val")
    assert asset.header["source"] == "clip_latents_val"
    assert np.array_equal(asset.arrays["w"], CODES.numpy())


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_zip_of_codes(tmp_path: Path, method: int) -> None:
    asset = read_asset(zipped(write_codes(tmp_path / "codes"), method=method))
    assert (asset.kind, asset.name) == ("latents", "latents-codes")
    assert np.array_equal(asset.arrays["w"], CODES.numpy())


def test_codes_as_arrays(tmp_path: Path) -> None:
    folder = tmp_path / "codes"
    folder.mkdir()
    for index, name in ((1, "b"), (0, "a")):
        np.save(folder / f"{name}.npy", CODES[index].numpy())
    for source in (folder, zipped(folder)):
        assert np.array_equal(read_asset(source).arrays["w"], CODES[:2].numpy())


def test_frames(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "Laughing", 12)
    (folder / "000.pt").write_bytes(b"of another kind")
    for source in (folder, zipped(folder, folder)):
        asset = read_asset(source)
        assert (asset.kind, asset.name) == ("expressions", "expressions-Laughing")
        assert asset.arrays["expression"][:, 0].tolist() == list(range(12))
        assert asset.arrays["pose"].shape == (12, 6)


def test_what_changed_in_a_folder_is_noticed(tmp_path: Path) -> None:
    folder = write_frames(tmp_path / "laughing")
    target = import_asset(folder)
    assert import_asset(folder) == target
    (folder / "2.pkl").unlink()
    with pytest.raises(InputError, match="--force"):
        import_asset(folder)


def test_folders_that_are_not_one_thing(tmp_path: Path) -> None:
    both = tmp_path / "both"
    write_codes(both / "train", CODES[:1])
    write_codes(both / "val", CODES[:1])
    with pytest.raises(Refused, match=r"several folders \(both/train, both/val\); unpack it"):
        read_asset(zipped(both))
    with pytest.raises(Refused, match=r"but folders \(train, val\); import each"):
        read_asset(both)
    (tmp_path / "empty").mkdir()
    with pytest.raises(Refused, match="without files of frames or latent codes"):
        read_asset(tmp_path / "empty")
    mappers = tmp_path / "mappers"
    mappers.mkdir()
    torch.save({"level_0": {"layers.0.weight": torch.zeros(16, 16)}}, mappers / "angry.pt")
    with pytest.raises(Refused, match=r"neither frames .* nor latent codes; import those"):
        read_asset(mappers)
    mixed = write_codes(tmp_path / "mixed", CODES[:1])
    torch.save(CODES[0, :12], mixed / "x.pt")
    with pytest.raises(Refused, match=r"different shapes, \(12, 32\) and \(18, 32\)"):
        read_asset(mixed)
