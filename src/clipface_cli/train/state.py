"""Everything a training loop must remember: weights, optimisers, step, time, random state."""

import json
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from clipface_cli.artifacts import read_tensors, write_tensors
from clipface_cli.errors import InputError

FORMAT = "clipface-training"


class TrainState:
    """Named modules and optimisers of a run, its step and the minutes it has taken so far."""

    def __init__(self, modules: Mapping[str, nn.Module], optimizers: Mapping[str, Optimizer]):
        self.modules, self.optimizers = dict(modules), dict(optimizers)
        self.step = 0
        self.minutes = 0.0

    def save(self, path: Path) -> None:
        """Write a checkpoint as safetensors."""
        tensors = {"random": torch.get_rng_state()}
        for name, module in self.modules.items():
            tensors |= {f"module/{name}/{k}": v for k, v in module.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, entry in optimizer.state_dict()["state"].items():
                tensors |= {f"optimizer/{name}/{index}/{k}": v for k, v in entry.items()}
        progress = {"format": FORMAT, "step": str(self.step), "minutes": repr(self.minutes)}
        write_tensors(path, {k: v.clone() for k, v in tensors.items()}, progress)

    def load(self, path: Path) -> None:
        """Read a checkpoint written by the same kind of run."""
        tensors, header = read_tensors(path, FORMAT)
        try:
            for name, module in self.modules.items():
                module.load_state_dict(_part(tensors, f"module/{name}/"))
            for name, optimizer in self.optimizers.items():
                _load_optimizer(optimizer, _part(tensors, f"optimizer/{name}/"))
        except (KeyError, RuntimeError, ValueError) as error:
            raise InputError(f"{path} is not a checkpoint of this run: {error}") from error
        self.step, self.minutes = int(header["step"]), float(header["minutes"])
        torch.set_rng_state(tensors["random"])


def _part(tensors: Mapping[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {k.removeprefix(prefix): v for k, v in tensors.items() if k.startswith(prefix)}


def _load_optimizer(optimizer: Optimizer, entries: Mapping[str, Tensor]) -> None:
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in entries.items():
        index, name = key.split("/")
        state.setdefault(int(index), {})[name] = value
    optimizer.load_state_dict(optimizer.state_dict() | {"state": state})


class RunFolder:
    """config.json, checkpoints/ (last three), metrics.csv and samples/ of a run."""

    keep = 3

    def __init__(self, path: Path, config: Mapping[str, object]) -> None:
        self.path = path
        for name in ("checkpoints", "samples"):
            (path / name).mkdir(parents=True, exist_ok=True)
        (path / "config.json").write_text(json.dumps(config, indent=2, default=str) + "\n")

    def checkpoints(self) -> list[Path]:
        """Oldest first."""
        return sorted((self.path / "checkpoints").glob("step-*.safetensors"))

    def save(self, state: TrainState) -> None:
        """Write a checkpoint and remove all but the last three."""
        state.save(self.path / "checkpoints" / f"step-{state.step:06d}.safetensors")
        for old in self.checkpoints()[: -self.keep]:
            old.unlink()

    def resume(self, state: TrainState) -> None:
        """Read the last checkpoint; raises InputError when there is none."""
        checkpoints = self.checkpoints()
        if not checkpoints:
            raise InputError(f"{self.path} has no checkpoint to resume; start without --resume.")
        state.load(checkpoints[-1])

    def sample(self, step: int) -> Path:
        """Where the picture of this step goes."""
        return self.path / "samples" / f"step-{step:06d}.png"

    def log(self, values: Mapping[str, float]) -> None:
        """Append a line to metrics.csv; its first line has the names."""
        path = self.path / "metrics.csv"
        if not path.exists():
            path.write_text(",".join(values) + "\n")
        with path.open("a") as file:
            file.write(",".join(f"{v:.6g}" for v in values.values()) + "\n")
