"""The loss of the paper's edits: equations 5 to 9, one function each."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

if TYPE_CHECKING:
    from clipface_cli.guidance import Guidance

ROUNDING = 1e-6  # of embeddings of length one in single precision: a shorter difference is none


def text_direction(guidance: Guidance, target: str, source: str = "A photo of a face") -> Tensor:
    """Target direction Δt = E_T(t_tgt) - E_T(t_init), (1, D); eq. 5.

    target, source: whole sentences; their embeddings are scaled to length one first. Raises
    InputError for a sentence that the guidance cannot read.
    """
    after, before = F.normalize(guidance.encode_text([target, source]), dim=1)
    return (after - before)[None]


def image_direction(after: Tensor, before: Tensor) -> Tensor:
    """Image direction Δi = E_I(i_tgt) - E_I(i_init), (..., D); eq. 6.

    after, before (..., D): embeddings of the edited and of the initial render, of any length; they
    are scaled to length one first.
    """
    return F.normalize(after, dim=-1) - F.normalize(before, dim=-1)


def directional_loss(image_direction: Tensor, text_direction: Tensor) -> Tensor:
    """L_clip = 1 - cos(Δi, Δt), (...); eq. 7.

    image_direction (..., D), text_direction (..., D) or (1, D). Where nothing changed, as at the
    first step from zero offsets, Δi has no direction and eq. 7 no slope: there the loss is 1, and
    its slope that of a change as long as Δt.
    """
    wanted = text_direction.norm(dim=-1).clamp_min(ROUNDING)
    length = image_direction.norm(dim=-1)
    length = torch.where(length > ROUNDING, length, wanted)
    return 1 - (image_direction * text_direction).sum(-1) / (length * wanted)


def expression_prior(psi: Tensor, variance: Tensor | None = None) -> Tensor:
    """L_reg = psi^T Sigma^-1 psi, (B,); eq. 8.

    psi (B, E): the whole expression, psi_init + psi_delta. variance (E,): the diagonal of Sigma;
    ones where the basis is scaled to unit variance, as FLAME's and the embedded one are.
    """
    return (psi.square() if variance is None else psi.square() / variance).sum(-1)


def total_loss(clip_loss: Tensor, regularizer: Tensor, weight: float) -> Tensor:
    """L_total = L_clip + lambda_reg L_reg, (B,); eq. 9."""
    return clip_loss + weight * regularizer
