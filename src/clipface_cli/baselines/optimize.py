"""The optimisation loop of every baseline: a budget of steps or seconds, and a loss per step."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Protocol

import torch
from torch import Tensor

from clipface_cli.baselines.protocol import Budget, Callback, Progress, TexturedHead
from clipface_cli.errors import ClipfaceError


class Schedule(Protocol):
    """A learning-rate schedule of PyTorch."""

    def step(self) -> None: ...


class Clock:
    """Wall time since it was made, held against a budget.

    interrupted: Ctrl-C came before the budget was spent.
    """

    def __init__(self, budget: Budget) -> None:
        self.budget, self._began = budget, time.monotonic()
        self.interrupted = False

    @property
    def seconds(self) -> float:
        """Wall time since it was made."""
        return time.monotonic() - self._began

    def steps(self, usual: int) -> int:
        """How many steps the budget allows, `usual` where it does not say."""
        return usual if self.budget.steps is None else self.budget.steps

    @property
    def over(self) -> bool:
        """Whether the budget's seconds have passed."""
        return self.budget.seconds is not None and self.seconds >= self.budget.seconds


def optimize(
    optimizer: torch.optim.Optimizer,
    loss: Callable[[], Tensor],
    clock: Clock,
    usual_steps: int,
    head: Callable[[], TexturedHead] | None = None,
    callback: Callback | None = None,
    schedule: Schedule | None = None,
) -> list[float]:
    """Minimise `loss` (a differentiable scalar); its value at each step, before the update.

    Takes `usual_steps` or what the clock's budget says, ends when its time is over, and takes one
    step in any case; Ctrl-C ends it after the steps so far. head: the result as it is now, for the
    callback. Raises ClipfaceError where the loss is not finite.
    """
    steps, losses = clock.steps(usual_steps), list[float]()
    try:
        while len(losses) < steps and not (losses and clock.over):
            optimizer.zero_grad(set_to_none=True)
            value = loss()
            if not math.isfinite(now := value.item()):
                raise ClipfaceError(
                    f"The loss is not a number at step {len(losses) + 1}; try another seed or a "
                    "head whose texture is sound."
                )
            value.backward()
            optimizer.step()
            losses.append(now)
            if schedule:
                schedule.step()
            if callback and head:
                callback(Progress(len(losses), steps, now, head))
    except KeyboardInterrupt:
        clock.interrupted = True
    return losses
