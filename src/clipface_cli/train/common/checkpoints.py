"""Checkpoints and run folders: weights, optimisers, step, time, random state, metrics."""

import json
import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clipface_cli.artifacts import read_tensors, replacing, write_tensors, write_text
from clipface_cli.errors import InputError
from clipface_cli.train.common.metrics_log import MetricsLog

FORMAT = "clipface-training"


class TrainState:
    """Named modules and optimisers of a run, its step and the minutes it has taken so far."""

    def __init__(self, modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]):
        self.modules, self.optimizers = dict(modules), dict(optimizers)
        self.step = 0
        self.minutes = 0.0
        self.best = float("inf")  # lowest score so far

    def save(self, path: Path) -> None:
        """Write a checkpoint as safetensors."""
        tensors = {"random": torch.get_rng_state()}
        for name, module in self.modules.items():
            tensors |= {f"module/{name}/{k}": v for k, v in module.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, entry in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{name}/{index}/{k}": v for k, v in entry.items()}
        progress = {"format": FORMAT, "step": str(self.step), "minutes": repr(self.minutes)}
        progress["best"] = repr(self.best)
        write_tensors(path, {k: v.clone() for k, v in tensors.items()}, progress)

    def load(self, path: Path) -> None:
        """Read a checkpoint; InputError when it is of another kind of run."""
        tensors, header = read_tensors(path, FORMAT)
        try:
            for name, module in self.modules.items():
                module.load_state_dict(_part(tensors, f"module/{name}/"))
            for name, optimizer in self.optimizers.items():
                _load_optimizer(optimizer, _part(tensors, f"optimizer/{name}/"))
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} is not a checkpoint of this run: {error}") from error
        self.step, self.minutes = int(header["step"]), float(header["minutes"])
        self.best = float(header.get("best", "inf"))
        torch.set_rng_state(tensors["random"])


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _load_optimizer(optimizer: Optimizer, entries: Mapping[str, Tensor]) -> None:
    parameters = [p for group in optimizer.param_groups for p in group["params"]]
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in entries.items():
        index, name = key.split("/")
        parameter = parameters[int(index)]
        entry = value
        if value.shape == parameter.shape:  # fused optimisers need the parameter's strides
            entry = torch.empty_like(parameter, dtype=value.dtype).copy_(value)
        state.setdefault(int(index), {})[name] = entry
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


class RunFolder:
    """config.json, checkpoints/ (last three and the best), metrics.csv and samples/ of a run."""

    keep = 3  # checkpoints besides the best

    def __init__(
        self, path: Path, config: Mapping[str, object] | None = None, writes: bool = True
    ) -> None:
        """Opens an existing run when `config` is None; `writes` is true in one process only."""
        self.path, self.metrics, self._writes = path, MetricsLog(path), writes
        if config is None or not writes:
            return
        for name in ("checkpoints", "samples"):
            (path / name).mkdir(parents=True, exist_ok=True)
        write_text(path / "config.json", json.dumps(config, indent=2, default=str) + "\n")

    def begin(self, state: TrainState, resume: bool) -> None:
        """Load the last checkpoint, or start anew and remove the checkpoints of an earlier run.

        Raises InputError when there is nothing to resume.
        """
        if resume:
            self.resume(state)
        elif self._writes:
            self.metrics.drop_after(0)
            for old in (self.path / "checkpoints").glob("*.safetensors"):
                old.unlink()

    def checkpoints(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.path / "checkpoints").glob("step-*.safetensors"), key=_step)

    @property
    def best(self) -> Path:
        """The checkpoint with the lowest score."""
        return self.path / "checkpoints" / "best.safetensors"

    def save(self, state: TrainState, score: float | None = None) -> None:
        """Write a checkpoint, then remove all but the last three and the best.

        Raises ClipfaceError when the disk is full; earlier checkpoints are then untouched.
        """
        path = self.path / "checkpoints" / f"step-{state.step:06d}.safetensors"
        if score is not None and score < state.best:
            state.best = score
            state.save(path)
            _link(path, self.best)
        else:
            state.save(path)
        for old in self.checkpoints()[: -self.keep]:
            old.unlink()

    def resume(self, state: TrainState) -> None:
        """Read the last checkpoint; raises InputError when there is none."""
        checkpoints = self.checkpoints()
        if not checkpoints:
            raise InputError(f"{self.path} has no checkpoint to resume; start without --resume.")
        state.load(checkpoints[-1])
        if self._writes:
            self.metrics.drop_after(state.step)

    def sample(self, step: int) -> Path:
        """Path of the contact sheet of a step."""
        return self.path / "samples" / f"step-{step:06d}.png"

    def log(self, values: Mapping[str, float]) -> None:
        """Append a line to metrics.csv (and TensorBoard's files where it is installed)."""
        self.metrics.add(values)


def _step(path: Path) -> int:
    return int(path.stem.removeprefix("step-"))


def _link(path: Path, name: Path) -> None:
    """A second name for a file, or a copy where the file system has no hard links."""
    with replacing(name) as partial:
        partial.unlink(missing_ok=True)
        try:
            partial.hardlink_to(path)
        except OSError:
            shutil.copyfile(path, partial)
