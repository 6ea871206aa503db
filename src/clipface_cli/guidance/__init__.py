"""Text-image guidance: towers that embed prompts and renders."""

from clipface_cli.guidance.embedded import EmbeddedGuidance
from clipface_cli.guidance.prompts import (
    PROMPT,
    SOURCE_PROMPT,
    TEMPLATE,
    is_sentence,
    target_sentence,
)
from clipface_cli.guidance.protocol import Coverage, Guidance
from clipface_cli.guidance.registry import load_guidance

__all__ = [
    "PROMPT",
    "SOURCE_PROMPT",
    "TEMPLATE",
    "Coverage",
    "EmbeddedGuidance",
    "Guidance",
    "is_sentence",
    "load_guidance",
    "target_sentence",
]
