"""Start at the expression that moves this face's embedding along the target direction.

The embedding's answer to each axis of expression is measured on renders of the person: the ARKit
units (left and right together) and the recipes of whole expressions that the corpus was painted
with. The target direction is then written as a sparse non-negative combination of these answers,
and the same combination of the axes is the offset. The cosine of the fit also tells whether the
prompt asks for an expression at all.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.initialization.sparse_regression import certainty, sparse_regression
from clipface_cli.edit.initialization.start import Request, Start
from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES

PROBE = 0.7  # activation at which the answer to an axis is measured: most are used near it
SPARSITY = 0.2  # few axes rather than a little of all; see `sparse_regression`
SINGLE_AXIS_LOSS = 0.06  # cosine that one axis may lose against a combination and still be taken
FARTHEST = 2.0  # most steps along an axis (at most one is applied) for which it is still chosen
CERTAINTY = 0.45, 0.65  # cosines between which a prompt turns from an appearance to an expression


def start_at_expression(request: Request, start: Start) -> Start:
    """The initialisation "expression-basis": an expression offset and its certainty."""
    if not request.expressive:
        return start
    basis = request.models.expression_basis(request.person, request.settings)
    wanted = request.settings.expression_reach * request.direction
    offset, weight = basis.expression(wanted[None])
    return replace(
        start, expression_offset=offset, expression_weight=weight, appearance_weight=1 - weight
    )


class ExpressionBasis:
    """Axes (K, E) in expression space and the embedding's change (K, D) for a step along each."""

    def __init__(self, axes: Tensor, response: Tensor) -> None:
        self.axes, self.response = axes, response

    @classmethod
    @torch.no_grad()
    def of(cls, head: HeadModel, embed: Callable[[Tensor], Tensor]) -> ExpressionBasis:
        """Measure; `embed` gives the embeddings (N, D) of one head after N changes (N, E)."""
        axes = _axes(head)
        seen = embed(torch.cat([axes.new_zeros(1, axes.shape[1]), PROBE * axes]))
        return cls(axes, (seen[1:] - seen[:1]) / PROBE)

    def expression(self, direction: Tensor) -> tuple[Tensor, float]:
        """Expression offset (E,) that moves the embedding by `direction` (1, D), and certainty.

        Certainty is 1 where a sparse combination of the axes goes that way, 0 (and the offset zero)
        where the prompt asks for no expression.
        """
        amounts = sparse_regression(self.response, direction[0], SPARSITY, most=1.0)
        sure = certainty(amounts, self.response, direction[0], CERTAINTY)
        return sure * (self._plainest(direction[0], amounts) @ self.axes), sure

    def _plainest(self, direction: Tensor, amounts: Tensor) -> Tensor:
        """One axis instead of a combination (K,) where its cosine is nearly the same.

        This gives, say, a wink instead of half a blink and half a smile.
        """
        combined = F.cosine_similarity(amounts @ self.response, direction, dim=0)
        cosines = F.cosine_similarity(self.response, direction[None], dim=1)
        needed = (self.response @ direction) / self.response.square().sum(1)
        best = int(cosines.where(needed < FARTHEST, cosines.new_tensor(-1.0)).argmax())
        if cosines[best] < combined - SINGLE_AXIS_LOSS:
            return amounts
        amount = ((1 - SPARSITY) * needed[best]).clamp(0, 1)
        single = torch.zeros_like(amounts)
        single[best] = amount
        return single


def _axes(head: HeadModel) -> Tensor:
    """ARKit units, left and right together, and the recipes of whole expressions.

    Both senses of every component where the head has no units.
    """
    device = head.template.device
    if not head.units:
        identity = torch.eye(head.expression_size, device=device)
        return torch.cat([identity, -identity])
    stems = dict.fromkeys(name.removesuffix("Left").removesuffix("Right") for name in head.units)
    moving = [s for s in stems if not s.startswith("eyeLook") and s not in ("jaw", "mouth")]
    wanted = [{stem: 1.0} for stem in moving] + [r.units for r in RECIPES.values() if r.units]
    return torch.stack([head.expression_from_units(units) for units in wanted]).to(device)
