"""Losses that pull a render towards a prompt (paper 3.2)."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def directional_loss(
    image_direction: Tensor, text_direction: Tensor, floor: float = 1e-8
) -> Tensor:
    """1 - cos(Δi, Δt) per item (B,); paper eq. 7.

    image_direction (B, D): edited minus initial render's embedding (eq. 6);
    text_direction (B, D) or (1, D): target minus source prompt's embedding (eq. 5).
    An unedited render (Δi = 0) gives exactly 1; directions shorter than `floor` are divided by
    it instead of their length, which keeps the gradient of the first steps finite.
    """
    return 1 - F.cosine_similarity(image_direction, text_direction, dim=1, eps=floor)


def global_loss(image_features: Tensor, text_features: Tensor) -> Tensor:
    """1 - cos of image (B, D) and prompt (B, D) or (1, D) embeddings, per item (B,)."""
    return 1 - F.cosine_similarity(image_features, text_features, dim=1)


def expression_prior(expression: Tensor, variance: Tensor | None = None) -> Tensor:
    """ψᵀΣ⁻¹ψ per item (B,); paper eq. 8.

    expression (B, E); variance (E,): diagonal of Σ, ones where the basis has unit variance.
    """
    squared = expression.square()
    return (squared if variance is None else squared / variance).sum(1)
