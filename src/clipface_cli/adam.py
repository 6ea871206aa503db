"""Adam for loops of some seconds.

PyTorch's optimizers import its compiler when the first one is made, which takes longer than many an
edit; these are the same steps by its functional form. Trainings use `torch.optim`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.optim.adam import adam


class Adam:
    """Adam (Kingma and Ba 2015) over groups {"params", "lr"}, equal to `torch.optim.Adam`'s.

    A group's "lr" may change between steps; parameters without gradient stay as they are.
    """

    def __init__(
        self, groups: Sequence[dict[str, Any]], betas: tuple[float, float] = (0.9, 0.999)
    ) -> None:
        self.param_groups = [group | {"params": list(group["params"])} for group in groups]
        self.betas = betas
        self._moments: dict[Tensor, tuple[Tensor, Tensor, Tensor]] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for group in self.param_groups:
            for parameter in group["params"]:
                parameter.grad = None

    @torch.no_grad()
    def step(self) -> None:
        """One step along the gradients."""
        for group in self.param_groups:
            moved = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not moved:
                continue
            moments = [self._moments_of(parameter) for parameter in moved]
            mean, square, steps = (list(part) for part in zip(*moments, strict=True))
            gradients = [parameter.grad for parameter in moved]
            first, second = self.betas
            adam(
                moved,
                gradients,
                mean,
                square,
                [],
                steps,
                fused=True,
                amsgrad=False,
                beta1=first,
                beta2=second,
                lr=group["lr"],
                weight_decay=0.0,
                eps=1e-8,
                maximize=False,
            )

    def _moments_of(self, parameter: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """First and second moment, and the number of steps taken; zeros at first."""
        if parameter not in self._moments:
            count = torch.zeros((), dtype=torch.float32, device=parameter.device)
            moments = torch.zeros_like(parameter), torch.zeros_like(parameter)
            self._moments[parameter] = (*moments, count)
        return self._moments[parameter]
