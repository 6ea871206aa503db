"""Guidance by the word the user types."""

from __future__ import annotations

from pathlib import Path

from clipface_cli.assets import builtin
from clipface_cli.errors import InputError
from clipface_cli.guidance.embedded import EmbeddedGuidance
from clipface_cli.guidance.protocol import Guidance


def load_guidance(source: str | Path = "builtin") -> Guidance:
    """A text-image model: "builtin", or a file of the embedded kind.

    Frozen and in evaluation mode. Raises InputError for a source that is neither.
    """
    if source == "builtin":
        return EmbeddedGuidance.load(builtin("guidance.safetensors"))
    path = Path(source)
    if path.suffix == ".safetensors" and path.is_file():
        model = EmbeddedGuidance.load(path)
        model.name = path.stem
        return model
    raise InputError(
        f"No guidance {str(source)!r}; available: 'builtin', or the path of a guidance.safetensors "
        "that ClipFace trained. CLIP models come with a later version."
    )
