"""The shared loop."""

import time

import pytest
import torch

from clipface_cli.baselines import Budget
from clipface_cli.baselines.optimize import Clock, optimize
from clipface_cli.errors import ClipfaceError


def descent(scale: float = 1.0, wait: float = 0.0) -> tuple[torch.optim.Optimizer, object]:
    x = torch.full((1,), 2.0, requires_grad=True)

    def loss() -> torch.Tensor:
        time.sleep(wait)
        return scale * x.square().sum()

    return torch.optim.SGD([x], lr=0.25), loss


@pytest.mark.parametrize(("budget", "steps"), [(Budget(), 4), (Budget(2), 2), (Budget(6), 6)])
def test_steps(budget: Budget, steps: int) -> None:
    losses = optimize(*descent(), Clock(budget), 4)
    assert losses == [4 / 4**k for k in range(steps)]  # each step halves x


def test_seconds() -> None:
    clock = Clock(Budget(seconds=0.1))
    losses = optimize(*descent(wait=0.02), clock, 1000)
    assert 2 <= len(losses) <= 6
    assert 0.1 <= clock.seconds < 1


def test_ctrl_c_keeps_the_steps_so_far() -> None:
    for at, expected in ((2, [4.0, 1.0]), (0, [])):
        clock, (optimizer, loss) = Clock(Budget()), descent()
        after = iter([loss] * at)

        def or_ctrl_c(after=after) -> torch.Tensor:
            for value in after:
                return value()
            raise KeyboardInterrupt

        assert optimize(optimizer, or_ctrl_c, clock, 9) == expected
        assert clock.interrupted


def test_a_loss_that_is_no_number() -> None:
    with pytest.raises(ClipfaceError, match="not a number at step 1"):
        optimize(*descent(float("nan")), Clock(Budget()), 4)


def test_a_schedule() -> None:
    optimizer, loss = descent()
    schedule = torch.optim.lr_scheduler.StepLR(optimizer, 1, 0.0)
    assert optimize(optimizer, loss, Clock(Budget()), 3, schedule=schedule) == [4.0, 1.0, 1.0]
