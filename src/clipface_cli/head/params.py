"""Parameters of a morphable head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass
class HeadParams:
    """shape (B, 100), expression (B, 50) coefficients; pose (B, 6) radians, global then jaw."""

    shape: Tensor
    expression: Tensor
    pose: Tensor

    @classmethod
    def neutral(cls, batch: int = 1, shape: int = 100, expression: int = 50) -> HeadParams:
        """The template head: all coefficients zero."""
        return cls(torch.zeros(batch, shape), torch.zeros(batch, expression), torch.zeros(batch, 6))

    def __getitem__(self, index: int | slice | Tensor) -> HeadParams:
        """Select items of the batch; an integer keeps a batch of one."""
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        return HeadParams(self.shape[index], self.expression[index], self.pose[index])
