"""The cache of compiled kernels."""

from pathlib import Path

from clipface_cli.geometry.jit import drop_stale_kernels


def test_kernels_are_renewed_when_what_they_call_changes(tmp_path: Path) -> None:
    folders = ("low", "high", "high/deep")
    places = {"base": "low", "middle": "low", "other": "high", "top": "high", "last": "high/deep"}
    for folder in folders:
        (tmp_path / folder / "__pycache__").mkdir(parents=True)

    def source(name: str) -> Path:
        return tmp_path / places[name] / f"{name}.py"

    def compiled() -> list[str]:
        return sorted(path.name.split(".")[0] for path in tmp_path.rglob("*.nb[ic]"))

    source("base").write_text("x = 1")
    source("middle").write_text("from package.low.base import x")
    source("top").write_text("import numpy\nfrom package.low.middle import x")
    source("last").write_text("from package.high.top import x")
    source("other").write_text("y = 1")
    drop_stale_kernels(tmp_path, folders)
    for name in places:
        cache = source(name).parent / "__pycache__"
        (cache / f"{name}.draw-12.py310.nbi").touch()
        (cache / f"{name}.draw-12.py310.1.nbc").touch()
    drop_stale_kernels(tmp_path, folders)
    assert len(compiled()) == 10
    source("middle").write_text("from package.low.base import x as z")
    drop_stale_kernels(tmp_path, folders)
    assert compiled() == ["base", "base", "other", "other"]
    (tmp_path / "low" / "__pycache__" / "kernels.json").write_text("broken")
    drop_stale_kernels(tmp_path, folders)
    assert compiled() == []
