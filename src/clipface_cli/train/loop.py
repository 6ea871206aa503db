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
from torch import Tensor, nn

from clipface_cli.errors import ClipfaceError
from clipface_cli.train.ranks import ALONE, Alone
from clipface_cli.train.state import RunFolder, TrainState

Progress = Callable[[str], None]
Metrics = Mapping[str, float]
Measured = Mapping[str, float | Tensor]

_DIVERGED = 1e4  # no loss of a game that goes on is this large


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
    """Turns Ctrl-C and SIGTERM (a scheduler's warning) into a flag, so that the step under way is
    finished and saved."""

    signals = (signal.SIGINT, signal.SIGTERM)

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "Interrupt":
        self._previous = {}
        if threading.current_thread() is threading.main_thread():
            self._previous = {s: signal.signal(s, self._request) for s in self.signals}
        return self

    def _request(self, _signal: int, _frame: FrameType | None) -> None:
        self.requested = True

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)


class _Means:
    """Running means of what steps measured, each over the steps that measured it."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float | Tensor, int]] = {}

    def add(self, measured: Measured) -> None:
        for name, value in measured.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def take(self, ranks: Alone) -> dict[str, float]:
        """The means over all processes; starts anew."""
        means = [float(total) / count for total, count in self._sums.values()]
        agreed = ranks.mean(torch.tensor(means, dtype=torch.float64)).tolist()
        names, self._sums = list(self._sums), {}
        return dict(zip(names, agreed, strict=True))


def run_loop(
    state: TrainState,
    folder: RunFolder,
    budget: Budget,
    step: Callable[[float], Measured],
    report: Callable[[Metrics], float | None],
    every: int,
    ranks: Alone = ALONE,
) -> None:
    """Call `step(share of the budget spent)` until the budget is over.

    After every `every` steps `report` gets the mean metrics; it returns a score, less is better, or
    None. Then a checkpoint is written, by the first process alone. Raises KeyboardInterrupt after
    saving on Ctrl-C or SIGTERM, ClipfaceError when a metric or a weight is not finite or a loss
    beyond reason (the last checkpoint stays as it was).
    """
    means = _Means()
    started, before = time.monotonic(), state.minutes
    spent = budget.spent(state)
    with Interrupt() as interrupt:
        while spent < 1:
            means.add(step(spent))
            state.step += 1
            state.minutes = before + (time.monotonic() - started) / 60
            interrupted = ranks.any(interrupt.requested)
            over = ranks.any(budget.spent(state) >= 1)
            spent = 1.0 if over else budget.spent(state)
            if state.step % every and not over and not interrupted:
                continue
            metrics = means.take(ranks)
            _check(metrics, state, folder)
            if ranks.first:
                folder.save(state, report(metrics))
            if interrupted:
                ranks.wait()  # the launcher ends all processes when one leaves
                raise KeyboardInterrupt
    ranks.wait()


def _check(metrics: Metrics, state: TrainState, folder: RunFolder) -> None:
    wrong = [f"{k} is {v:.3g}" for k, v in metrics.items() if not abs(v) < _DIVERGED]
    for name, module in state.modules.items():
        if not all(bool(p.isfinite().all()) for p in module.parameters()):
            wrong.append(f"the weights of {name} are not finite")
    if wrong:
        checkpoints = folder.checkpoints()
        where = f"the last good checkpoint is {checkpoints[-1]}" if checkpoints else "nothing saved"
        raise ClipfaceError(
            f"Training diverged at step {state.step} ({wrong[0]}); {where}. "
            "Resume with a lower learning rate."
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
