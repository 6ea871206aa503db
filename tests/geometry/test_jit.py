"""Kernels: their threads, and the cache of compiled ones."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.geometry.jit import Array, drop_stale_kernels, kernel, parallel


@kernel
def add_numbers(tasks: tuple[int, int], sums: Array) -> None:
    for task in range(*tasks):
        sums[task] += task


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_each_task_is_done_once_whoever_calls(
    threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: threads)

    def run(tasks: int) -> Array:
        sums = np.zeros(tasks, np.int64)
        parallel(add_numbers, tasks, sums, least=1 + tasks % 3)
        return sums

    sizes = [0, 1, 2, 7, 1000] * 20
    with ThreadPoolExecutor(3) as callers:
        for tasks, sums in zip(sizes, callers.map(run, sizes), strict=True):
            assert np.array_equal(sums, np.arange(tasks))


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
