"""How the guidance answers to expressions: which of them a prompt asks for."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from clipface_cli.edit.mix import explain
from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES

PROBE = 0.7  # activation at which the response to an axis is measured
SPARSITY = 0.2  # few axes rather than a bit of all
DOUBTFUL, CERTAIN = 0.45, 0.65  # cosine of a mix to the prompt's direction: no mood, a mood


class Moods:
    """Axes (K, E) in expression space and the embedding change (K, D) of a full step along each."""

    def __init__(self, axes: Tensor, response: Tensor) -> None:
        self.axes, self.response = axes, response

    @classmethod
    @torch.no_grad()
    def of(cls, head: HeadModel, look: Callable[[Tensor], Tensor]) -> Moods:
        """Measure; `look` gives the embeddings (N, D) of one head with expressions (N, E)."""
        axes = _axes(head)
        seen = look(torch.cat([axes.new_zeros(1, axes.shape[1]), PROBE * axes]))
        return cls(axes, (seen[1:] - seen[:1]) / PROBE)

    def expression(self, direction: Tensor) -> tuple[Tensor, float]:
        """Expression offset (E,) that moves the embedding by `direction` (1, D), and certainty.

        Certainty is 1 where a sparse mix of the axes goes that way, 0 (and the offset zero) where
        the prompt asks for no mood.
        """
        activation, sure = explain(
            self.response, direction[0], SPARSITY, DOUBTFUL, CERTAIN, most=1.0
        )
        return sure * (activation @ self.axes), sure


def _axes(head: HeadModel) -> Tensor:
    """ARKit units, left and right together, and what faces make of them when they laugh or sulk.

    Both senses of every component where the head has no units.
    """
    if not head.units:
        identity = torch.eye(head.expression_size)
        return torch.cat([identity, -identity])
    stems = dict.fromkeys(name.removesuffix("Left").removesuffix("Right") for name in head.units)
    moving = [s for s in stems if not s.startswith("eyeLook") and s not in ("jaw", "mouth")]
    wanted = [{stem: 1.0} for stem in moving] + [r.units for r in RECIPES.values() if r.units]
    return torch.stack([head.expression_from_units(units) for units in wanted])
