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
    """Wall time since it was made, held against a budget."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self._began = budget, time.monotonic()

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
    step in any case. head: the result as it is now, for the callback. Raises ClipfaceError where
    the loss is not finite.
    """
    steps, losses = clock.steps(usual_steps), list[float]()
    while len(losses) < steps and not (losses and clock.over):
        optimizer.zero_grad(set_to_none=True)
        value = loss()
        losses.append(value.item())
        if not math.isfinite(losses[-1]):
            raise ClipfaceError(
                f"The loss is not a number at step {len(losses)}; try another seed or a head "
                "whose texture is sound."
            )
        value.backward()
        optimizer.step()
        if schedule:
            schedule.step()
        if callback and head:
            callback(Progress(len(losses), steps, losses[-1], head))
    return losses
