"""Terms that the loss of preset `default` adds to the paper's.

Each is switched by a field of `EditSettings`; docs/edit.md gives its measured effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.objective import text_direction
from clipface_cli.guidance import SOURCE_PROMPT

if TYPE_CHECKING:
    from clipface_cli.guidance import Guidance

ENSEMBLE = (  # what comes before "face", as CLIP's authors vary their prompts
    "A photo of a",
    "A close-up photo of a",
    "A cropped photo of a",
    "A good photo of a",
    "A rendering of a",
    "A portrait of a",
)


def calibrated_direction(after: Tensor, before: Tensor) -> Tensor:
    """Difference of embeddings (..., D) that keep their own lengths, instead of eq. 5 and 6.

    For a calibrated guidance, where the length says how much changed.
    """
    return after - before


def ensemble_direction(guidance: Guidance, target: str) -> Tensor:
    """Mean of eq. 5 over the sentences of `ENSEMBLE`, (1, D); target: a whole sentence."""
    face = target.removeprefix("A photo of a ")
    if face == target:
        return text_direction(guidance, target)
    pairs = [(f"{start} {face}", f"{start} face") for start in ENSEMBLE]
    assert pairs[0][1] == SOURCE_PROMPT
    return torch.stack([text_direction(guidance, *pair) for pair in pairs]).mean(0)


def expression_norm(psi: Tensor) -> Tensor:
    """|psi|, (B,), which the released code has in the place of eq. 8; psi (B, E)."""
    return psi.norm(dim=-1)


def floored_directional_loss(
    image_direction: Tensor, text_direction: Tensor, share: float
) -> Tensor:
    """The directional loss for image directions that may be tiny, (...).

    Directions (..., D) shorter than `share` of the text's are divided by that length instead of
    their own: a cosine has no slope where an edit starts, and an arbitrarily steep one beside it.
    """
    length = text_direction.norm(dim=-1).clamp_min(1e-8)
    moved = torch.maximum(image_direction.norm(dim=-1), share * length)
    return 1 - (image_direction * text_direction).sum(-1) / (length * moved)


def length_loss(image_direction: Tensor, text_direction: Tensor) -> Tensor:
    """How much the image direction falls short of the text's, along it, (...); 0 if not at all.

    A cosine does not depend on the length of a change. Only for a calibrated guidance, whose image
    and text directions (..., D) have comparable lengths.
    """
    length = text_direction.norm(dim=-1).clamp_min(1e-8)
    along = (image_direction * text_direction).sum(-1) / length.square()
    return (1 - along).clamp_min(0)


def plain_similarity_loss(image: Tensor, text: Tensor) -> Tensor:
    """1 - cos of render and prompt embeddings (..., D), (...); what StyleCLIP minimises."""
    return 1 - F.cosine_similarity(image, text, dim=-1)


def identity_loss(code_distance: Tensor, texture_change: Tensor) -> Tensor:
    """Penalty (B,) on distance from the person, in code and in colours.

    code_distance (B,): from `CodePrior.distance`; texture_change (B, 3, R, R) enters by its
    mean square.
    """
    return code_distance + texture_change.square().flatten(1).mean(1)
