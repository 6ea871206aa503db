"""How the guidance answers to expressions: which of them a prompt asks for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.mix import mix
from clipface_cli.head import HeadModel

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
        activation = mix(self.response, direction[0], SPARSITY, most=1.0)
        similar = F.cosine_similarity(activation @ self.response, direction[0], dim=0)
        sure = float(((similar - DOUBTFUL) / (CERTAIN - DOUBTFUL)).clamp(0, 1))
        return sure * (activation @ self.axes), sure


def _axes(head: HeadModel) -> Tensor:
    """ARKit units, left and right together; both senses of every component where there are none."""
    if not head.units:
        identity = torch.eye(head.expression_size)
        return torch.cat([identity, -identity])
    sides: dict[str, dict[str, float]] = defaultdict(dict)
    for name in head.units:
        stem = name.removesuffix("Left").removesuffix("Right")
        if not stem.startswith("eyeLook") and stem not in ("jaw", "mouth"):
            sides[stem][name] = 1.0
    return torch.stack([head.expression_from_units(units) for units in sides.values()])
