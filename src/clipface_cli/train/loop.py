"""The loop around training steps: budget, checkpoints, progress, interruption."""

import ctypes
import platform
import signal
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FrameType, TracebackType

import torch
from torch import nn

from clipface_cli.errors import ClipfaceError
from clipface_cli.train.state import RunFolder, TrainState

Progress = Callable[[str], None]
Metrics = Mapping[str, float]


@dataclass(frozen=True)
class Budget:
    """How long to train: until `steps`, or for `minutes` when given (all pieces together)."""

    steps: int
    minutes: float | None = None

    def spent(self, state: TrainState) -> float:
        """Share of the budget used, 1 or more when it is over."""
        if self.minutes is None:
            return state.step / max(self.steps, 1)
        return state.minutes / self.minutes


class Interrupt:
    """Turns Ctrl-C into a flag, so that the step under way is finished and saved."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "Interrupt":
        self._main = threading.current_thread() is threading.main_thread()
        if self._main:
            self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def _request(self, _signal: int, _frame: FrameType | None) -> None:
        self.requested = True

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        if self._main:
            signal.signal(signal.SIGINT, self._previous)


def run_loop(
    state: TrainState,
    folder: RunFolder,
    budget: Budget,
    step: Callable[[float], Metrics],
    report: Callable[[Metrics], None],
    every: int,
) -> None:
    """Call `step(share of the budget spent)` until the budget is over.

    `report` gets the mean metrics after every `every` steps, when a checkpoint is written too.
    Raises KeyboardInterrupt after saving when Ctrl-C was pressed, ClipfaceError when a metric is
    not finite (the last checkpoint stays as it was).
    """
    sums: dict[str, float] = {}
    count = 0
    started, before = time.monotonic(), state.minutes
    with Interrupt() as interrupt:
        while (spent := budget.spent(state)) < 1:
            for name, value in step(spent).items():
                sums[name] = sums.get(name, 0.0) + value
            count += 1
            state.step += 1
            state.minutes = before + (time.monotonic() - started) / 60
            over = budget.spent(state) >= 1 or interrupt.requested
            if state.step % every and not over:
                continue
            means = {name: value / count for name, value in sums.items()}
            _check_finite(means, folder)
            report(means)
            folder.save(state)
            sums, count = {}, 0
            if interrupt.requested:
                raise KeyboardInterrupt


def _check_finite(metrics: Metrics, folder: RunFolder) -> None:
    for name, value in metrics.items():
        if value != value or abs(value) == float("inf"):
            raise ClipfaceError(
                f"Training diverged ({name} is {value}); the last good checkpoint is in "
                f"{folder.path / 'checkpoints'}: resume from it with a lower learning rate."
            )


@torch.no_grad()
def update_average(average: nn.Module, module: nn.Module, decay: float) -> None:
    """Move the exponential moving average of all weights and buffers toward `module`."""
    pairs = zip(average.state_dict().values(), module.state_dict().values(), strict=True)
    olds, news = zip(*pairs, strict=True)
    torch._foreach_lerp_(list(olds), list(news), 1 - decay)


def prepare_cpu() -> None:
    """Settings of this process that halve a training step; call before anything runs in parallel.

    Denormal numbers (in Adam's squares above all) cost a hundred times the usual, so they become
    zero; threads started later inherit this. And glibc keeps freed blocks: mapping fresh pages for
    every activation takes 15 to 30 % of a step.
    """
    torch.set_flush_denormal(True)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in ((-4, 0), (-1, 2**31 - 1), (-2, 64 * 2**20)):  # no mmap, no trimming
            libc.mallopt(option, value)
