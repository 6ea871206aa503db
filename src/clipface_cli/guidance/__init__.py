"""Text-image guidance: towers that embed prompts and renders, and the losses between them."""

from clipface_cli.guidance.embedded import EmbeddedGuidance
from clipface_cli.guidance.losses import directional_loss, expression_prior, global_loss
from clipface_cli.guidance.prompts import (
    SOURCE_PROMPT,
    ensemble_direction,
    split_prompt,
    target_prompt,
    text_direction,
)
from clipface_cli.guidance.protocol import Coverage, Guidance
from clipface_cli.guidance.registry import load_guidance

__all__ = [
    "SOURCE_PROMPT",
    "Coverage",
    "EmbeddedGuidance",
    "Guidance",
    "directional_loss",
    "ensemble_direction",
    "expression_prior",
    "global_loss",
    "load_guidance",
    "split_prompt",
    "target_prompt",
    "text_direction",
]
