"""Guidance by the word the user types."""

from __future__ import annotations

import re
from pathlib import Path

from safetensors import SafetensorError, safe_open

from clipface_cli.assets import builtin, imported
from clipface_cli.errors import InputError
from clipface_cli.guidance import embedded
from clipface_cli.guidance.clip import load_openai, load_transformers
from clipface_cli.guidance.embedded import EmbeddedGuidance
from clipface_cli.guidance.protocol import Guidance

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")


def load_guidance(source: str | Path = "builtin") -> Guidance:
    """A text-image model, frozen and in evaluation mode.

    source: "builtin"; "judge", a second embedded model that saw other people and guided nothing,
    to score with; a guidance.safetensors that ClipFace trained; OpenAI's .pt file or the name
    of an imported CLIP; a folder or the hub name (`openai/clip-vit-base-patch32`) of a CLIP-like
    model that transformers reads. Nothing is downloaded: raises InputError for what is not here.
    """
    if source == "builtin":
        return EmbeddedGuidance.load(builtin("guidance.safetensors"))
    if source == "judge":
        return _trained(builtin("judge.safetensors"))
    path = Path(source)
    if path.is_dir():
        return load_transformers(path)
    if path.is_file():
        return _trained(path) if _is_embedded(path) else load_openai(path)
    known = imported()
    if str(source) in known:
        return load_openai(known[str(source)])
    if isinstance(source, str) and _HUB_NAME.fullmatch(source) and path.suffix != ".pt":
        return load_transformers(source)
    raise InputError(
        f"No guidance {str(source)!r}; give 'builtin', a file or folder of a CLIP, its hub name "
        f"such as openai/clip-vit-base-patch32, or an imported one ({', '.join(known) or 'none'})."
    )


def _trained(path: Path) -> EmbeddedGuidance:
    model = EmbeddedGuidance.load(path)
    model.name = path.stem
    return model


def _is_embedded(path: Path) -> bool:
    try:
        with safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("format") == embedded.FORMAT
    except (SafetensorError, OSError):
        return False
