"""The processes that torchrun or srun started together."""

from __future__ import annotations

from collections.abc import Mapping

_LAUNCHERS = (("RANK", "WORLD_SIZE"), ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS"))
_SLURM_JOB = ("SLURM_PROCID", "SLURM_NTASKS")


def rank_and_size(environment: Mapping[str, str]) -> tuple[int, int]:
    """This process's number among those of the launcher, and how many there are; else (0, 1)."""
    for rank, size in _LAUNCHERS:
        if rank in environment and size in environment:
            return int(environment[rank]), int(environment[size])
    return 0, 1


def processes_per_node(environment: Mapping[str, str]) -> tuple[int, int]:
    """Processes on each machine and machines, as launched; (1, 1) without a launcher."""
    if "LOCAL_WORLD_SIZE" in environment:  # torchrun
        here = int(environment["LOCAL_WORLD_SIZE"])
        return here, int(environment["WORLD_SIZE"]) // here
    if all(name in environment for name in _SLURM_JOB):
        nodes = int(environment.get("SLURM_NNODES", "1"))
        return max(int(environment["SLURM_NTASKS"]) // nodes, 1), nodes
    return 1, 1
