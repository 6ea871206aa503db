"""The training loop: budget, metrics, checkpoints, interruption."""

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
from clipface_cli.train.common.checkpoints import RunFolder, TrainState
from clipface_cli.train.common.distributed import SINGLE_PROCESS, SingleProcess

Progress = Callable[[str], None]
Metrics = Mapping[str, float]
StepMetrics = Mapping[str, float | Tensor]

_DIVERGED = 1e4  # metric above which a run counts as diverged: far above any loss in use

# glibc's options of mallopt (malloc.h) and the values set here.
_M_TRIM_THRESHOLD, _M_TOP_PAD, _M_MMAP_MAX = -1, -2, -4
_MALLOPT = {
    _M_MMAP_MAX: 0,  # blocks: none is mapped on its own and unmapped when freed
    _M_TRIM_THRESHOLD: 2**31 - 1,  # bytes, the most an int holds: freed memory is never returned
    _M_TOP_PAD: 64 * 2**20,  # bytes by which the heap grows at a time: few system calls
}


@dataclass(frozen=True)
class Budget:
    """Length of a training: `steps`, or `minutes` when given (over all resumed parts)."""

    steps: int
    minutes: float | None = None

    def spent(self, state: TrainState) -> float:
        """Fraction of the budget used, 1 or more when it is used up."""
        if self.minutes is None:
            return state.step / self.steps if self.steps else 1.0
        return state.minutes / self.minutes


class Interrupt:
    """Turns Ctrl-C and SIGTERM (a scheduler's warning) into a flag, so that the current step is
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
    """Running means of the steps' metrics, each over the steps that reported it."""

    def __init__(self) -> None:
        self._sums: dict[str, tuple[float | Tensor, int]] = {}

    def add(self, measured: StepMetrics) -> None:
        for name, value in measured.items():
            total, count = self._sums.get(name, (0.0, 0))
            self._sums[name] = (total + value, count + 1)

    def take(self, processes: SingleProcess) -> dict[str, float]:
        """The means over all processes; clears them."""
        means = [float(total) / count for total, count in self._sums.values()]
        means_of_all = processes.mean(
            torch.tensor(means, dtype=torch.float64, device="cpu")
        ).tolist()
        names, self._sums = list(self._sums), {}
        return dict(zip(names, means_of_all, strict=True))


def run_loop(
    state: TrainState,
    folder: RunFolder,
    budget: Budget,
    step: Callable[[float], StepMetrics],
    report: Callable[[Metrics], float | None],
    every: int,
    processes: SingleProcess = SINGLE_PROCESS,
) -> None:
    """Call `step(fraction of the budget spent)`, which gives scalars, until the budget is used up.

    Metrics are scalars, (). After every `every` steps `report` gets the mean metrics; it returns a
    score, less is better, or None. Then the first process writes a checkpoint. Raises
    KeyboardInterrupt after saving on Ctrl-C or SIGTERM, ClipfaceError when a weight is not finite
    or a metric exceeds 1e4 (the last checkpoint stays as it was).
    """
    means = _Means()
    started, before = time.monotonic(), state.minutes
    spent = budget.spent(state)
    with Interrupt() as interrupt:
        while spent < 1:
            means.add(step(spent))
            state.step += 1
            state.minutes = before + (time.monotonic() - started) / 60
            interrupted = processes.any(interrupt.requested)
            over = processes.any(budget.spent(state) >= 1)
            spent = 1.0 if over else budget.spent(state)
            if state.step % every and not over and not interrupted:
                continue
            metrics = means.take(processes)
            _check(metrics, state, folder)
            if processes.is_first:
                folder.save(state, report(metrics))
            if interrupted:
                processes.barrier()  # the launcher ends all processes when one leaves
                raise KeyboardInterrupt
    processes.barrier()


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
    """average = decay * average + (1 - decay) * module, for all weights and buffers (EMA)."""
    pairs = zip(average.state_dict().values(), module.state_dict().values(), strict=True)
    olds, news = zip(*pairs, strict=True)
    torch._foreach_lerp_(list(olds), list(news), 1 - decay)


def prepare_cpu() -> None:
    """Settings of this process that halve a training step; call before anything runs in parallel.

    Arithmetic on denormal numbers (frequent in Adam's second moments) is a hundred times slower, so
    they are flushed to zero; threads started later inherit this. glibc keeps freed blocks:
    mapping new pages for every activation costs 15 to 30 % of a step.
    """
    torch.set_flush_denormal(True)
    if platform.libc_ver()[0] == "glibc":
        libc = ctypes.CDLL(None)
        for option, value in _MALLOPT.items():
            libc.mallopt(option, value)
