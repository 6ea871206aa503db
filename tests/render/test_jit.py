"""The cache of compiled kernels."""

from pathlib import Path

from clipface_cli.render._jit import drop_stale_kernels


def test_kernels_are_renewed_when_what_they_call_changes(tmp_path: Path) -> None:
    (tmp_path / "low.py").write_text("x = 1")
    (tmp_path / "middle.py").write_text("from package.low import x")
    (tmp_path / "high.py").write_text("import numpy\nfrom package.middle import x")
    (tmp_path / "other.py").write_text("y = 1")
    cache = tmp_path / "__pycache__"
    drop_stale_kernels(tmp_path)
    for name in ("low", "middle", "high", "other"):
        (cache / f"{name}.draw-12.py310.nbi").touch()
        (cache / f"{name}.draw-12.py310.1.nbc").touch()
    drop_stale_kernels(tmp_path)
    assert len(list(cache.glob("*.nb[ic]"))) == 8
    (tmp_path / "low.py").write_text("x = 2")
    drop_stale_kernels(tmp_path)
    assert {path.name.split(".")[0] for path in cache.glob("*.nb[ic]")} == {"other"}
    (cache / "kernels.json").write_text("broken")
    drop_stale_kernels(tmp_path)
    assert not list(cache.glob("*.nb[ic]"))
