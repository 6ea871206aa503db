"""Output folders, sidecars, tensors on disk, run records."""

import json
from pathlib import Path

import pytest
import torch

from clipface_cli.artifacts import (
    RunRecord,
    Sidecar,
    claim_file,
    claim_folder,
    read_sidecar,
    replacing,
    sidecar_path,
    write_sidecar,
    write_tensors,
    write_text,
)
from clipface_cli.errors import InputError


def test_nothing_half_written(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file.txt"
    write_text(target, "first")
    with pytest.raises(ZeroDivisionError):
        _fail_halfway(target)
    assert target.read_text() == "first"
    assert [path.name for path in target.parent.iterdir()] == ["file.txt"]


def _fail_halfway(target: Path) -> None:
    with replacing(target) as partial:
        partial.write_text("half")
        raise ZeroDivisionError


def test_claims(tmp_path: Path) -> None:
    folder = tmp_path / "out"
    assert claim_folder(folder, force=False).is_dir()
    assert claim_folder(folder, force=False) == folder
    (folder / "a.glb").write_text("")
    with pytest.raises(InputError, match="--force"):
        claim_folder(folder, force=False)
    with pytest.raises(InputError, match="--force"):
        claim_file(folder / "a.glb", force=False)
    with pytest.raises(InputError, match="folder"):
        claim_file(folder, force=True)
    with pytest.raises(InputError, match="is a file"):
        claim_folder(folder / "a.glb", force=True)
    assert claim_folder(folder, force=True) == folder
    assert claim_file(folder / "a.glb", force=True).exists()


def _sidecar() -> Sidecar:
    torch.manual_seed(0)
    return Sidecar(
        "builtin-1",
        torch.randn(1, 100),
        torch.randn(1, 50),
        torch.randn(1, 6),
        torch.randn(1, 16, 512),
        history=[{"prompt": "Mona Lisa ☺", "seed": 1}],
    )


def test_sidecar_round_trip(tmp_path: Path) -> None:
    path = sidecar_path(tmp_path / "edited.obj")
    assert path.name == "edited.clipface.safetensors"
    write_sidecar(path, _sidecar())
    back = read_sidecar(path)
    assert back.history == _sidecar().history
    assert back.head_id == "builtin-1"
    for name in ("shape", "expression", "pose", "w"):
        assert torch.equal(getattr(back, name), getattr(_sidecar(), name))


def test_sidecar_same_bytes(tmp_path: Path) -> None:
    for name in "abcdef":
        write_sidecar(tmp_path / name, _sidecar())
    assert len({(tmp_path / name).read_bytes() for name in "abcdef"}) == 1


def test_sidecar_refuses_other_files(tmp_path: Path) -> None:
    path = tmp_path / "a.clipface.safetensors"
    with pytest.raises(InputError, match="does not exist"):
        read_sidecar(path)
    path.write_bytes(b"garbage")
    with pytest.raises(InputError, match="not a safetensors file"):
        read_sidecar(path)
    write_tensors(path, {"x": torch.zeros(1)}, {"format": "clipface-head"})
    with pytest.raises(InputError, match="is a clipface-head file"):
        read_sidecar(path)
    write_tensors(path, {"x": torch.zeros(1)}, {"format": "clipface-mesh", "version": "99"})
    with pytest.raises(InputError, match="newer"):
        read_sidecar(path)


def test_run_record(tmp_path: Path) -> None:
    write_text(tmp_path / "in.txt", "hello")
    record = RunRecord({"seed": 3, "output": tmp_path}, inputs=[tmp_path / "in.txt"])
    with record.timing("work"):
        pass
    record.write(tmp_path, [tmp_path / "edited.obj"], similarity=0.25)
    run = json.loads((tmp_path / "run.json").read_text())
    assert run["settings"]["seed"] == 3
    assert run["inputs"][str(tmp_path / "in.txt")].startswith("2cf24dba5fb0a30e")
    assert run["outputs"] == ["edited.obj"]
    assert run["results"] == {"similarity": 0.25}
    assert set(run["seconds"]) == {"work", "total"}
    assert "torch" in run["versions"]
