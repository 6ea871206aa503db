"""How the guidance answers to expressions: which of them a prompt asks for."""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.mix import explain
from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES

PROBE = 0.7  # activation at which the response to an axis is measured
SPARSITY = 0.2  # few axes rather than a bit of all
NEARLY = 0.06  # how much a single axis' cosine to the direction may be below that of a mix
FARTHEST = 2.0  # steps along an axis, of which one at most is gone, that still make it an answer
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
        activation = self._plainest(direction[0], activation)
        return sure * (activation @ self.axes), sure

    def _plainest(self, direction: Tensor, activation: Tensor) -> Tensor:
        """One axis instead of a mix (K,) where it says nearly the same: a wink, not half a blink
        and half a smile.
        """
        mixed = F.cosine_similarity(activation @ self.response, direction, dim=0)
        alone = F.cosine_similarity(self.response, direction[None], dim=1)
        needed = (self.response @ direction) / self.response.square().sum(1)
        best = int(alone.where(needed < FARTHEST, alone.new_tensor(-1.0)).argmax())
        if alone[best] < mixed - NEARLY:
            return activation
        amount = ((1 - SPARSITY) * needed[best]).clamp(0, 1)
        return F.one_hot(torch.tensor(best), len(alone)) * amount


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
