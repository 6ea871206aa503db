"""Parameters of a morphable head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor


@dataclass
class HeadParams:
    """shape (B, 100), expression (B, 50) coefficients; pose (B, 6) radians, global then jaw.

    displacement (B, V, 3) metres at rest, for heads that the coefficients alone cannot make.
    """

    shape: Tensor
    expression: Tensor
    pose: Tensor
    displacement: Tensor | None = None

    @classmethod
    def neutral(
        cls,
        batch: int = 1,
        shape: int = 100,
        expression: int = 50,
        device: torch.device | str = "cpu",
    ) -> HeadParams:
        """The template head: all coefficients zero."""
        sizes = (shape, expression, 6)
        zeros = [torch.zeros(batch, size, device=device) for size in sizes]
        return cls(zeros[0], zeros[1], zeros[2])

    @classmethod
    def stacked(cls, heads: Sequence[HeadParams]) -> HeadParams:
        """One batch of all of several batches, which have displacements or have none."""
        names = ["shape", "expression", "pose"]
        if heads[0].displacement is not None:
            names.append("displacement")
        return cls(**{name: torch.cat([getattr(head, name) for head in heads]) for name in names})

    def to(self, device: torch.device | str) -> HeadParams:
        """The same heads on another device."""
        moved = None if self.displacement is None else self.displacement.to(device)
        shape, expression = self.shape.to(device), self.expression.to(device)
        return HeadParams(shape, expression, self.pose.to(device), moved)

    def with_expression(self, expression: Tensor) -> HeadParams:
        """The same head with other expression coefficients (B, E)."""
        return replace(self, expression=expression)

    def __getitem__(self, index: int | slice | Tensor) -> HeadParams:
        """Select items of the batch; an integer keeps a batch of one."""
        if isinstance(index, int):
            index = slice(index, index + 1 or None)
        moved = None if self.displacement is None else self.displacement[index]
        return HeadParams(self.shape[index], self.expression[index], self.pose[index], moved)
