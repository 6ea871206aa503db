"""Workers that crash, and distributed processes."""

from pathlib import Path

import pytest
from stub_encoder import load_broken, load_crashing

from clipface_cli.artifacts.dataset import read_manifest
from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.launch import rank_and_size
from clipface_cli.photos import workers
from clipface_cli.photos.unfinished import BATCH_SIZE, Plan, UnfinishedDataset
from clipface_cli.photos.workers import CRASHED, Task, make_batches, wait_for_others


@pytest.fixture
def plan(tmp_path: Path) -> Plan:
    sources = [f"{i:02d}.jpg" for i in range(BATCH_SIZE)] + ["17.jpg", "bad.jpg", "x.jpg"]
    plan = Plan({}, sources, 0, 0, [])
    UnfinishedDataset(tmp_path).begin(plan)
    return plan


def test_a_photo_that_ends_its_worker_is_named(tmp_path: Path, plan: Plan) -> None:
    task = Task(load_crashing, tmp_path, tmp_path, 0)
    assert sorted(make_batches(task, plan, plan.batches, 1)) == [0, 1]
    lines = read_manifest(tmp_path / ".unfinished/00000001")
    assert [line["source"] for line in lines] == ["17.jpg", "bad.jpg", "x.jpg"]
    assert [line["status"] for line in lines] == ["rejected", "failed", "rejected"]
    assert lines[1]["error"] == CRASHED


def test_what_a_worker_cannot_load_is_told(tmp_path: Path, plan: Plan) -> None:
    with pytest.raises(InputError, match="weights are broken"):
        list(make_batches(Task(load_broken, tmp_path, tmp_path, 0), plan, plan.batches, 1))


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, (0, 1)),
        ({"RANK": "2", "WORLD_SIZE": "4"}, (2, 4)),
        ({"SLURM_PROCID": "1", "SLURM_STEP_NUM_TASKS": "3"}, (1, 3)),
        ({"SLURM_PROCID": "0", "SLURM_NTASKS": "8"}, (0, 1)),  # a batch script without srun
    ],
)
def test_ranks(environment: dict[str, str], expected: tuple[int, int]) -> None:
    assert rank_and_size(environment) == expected


def test_a_rank_that_never_comes(
    tmp_path: Path, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "_STALL", 0.3)
    with pytest.raises(ClipfaceError, match="run again"):
        list(wait_for_others(UnfinishedDataset(tmp_path), plan))
