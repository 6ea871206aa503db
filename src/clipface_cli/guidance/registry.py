"""Guidance by the word the user types.

Adding a kind is one entry of `GUIDANCES`: the words it accepts and how it loads a model.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipface_cli.assets import builtin, imported, own_format
from clipface_cli.errors import InputError
from clipface_cli.guidance import embedded
from clipface_cli.guidance.clip import load_openai, load_transformers
from clipface_cli.guidance.embedded import EmbeddedGuidance
from clipface_cli.guidance.protocol import Guidance

_HUB_NAME = re.compile(r"[\w.-]+/[\w.-]+")
_SHIPPED = {"builtin": "guidance.safetensors", "evaluator": "evaluator.safetensors"}


@dataclass(frozen=True)
class Kind:
    """takes: whether what the user typed is of this kind; load: the model, ready to use."""

    takes: Callable[[str], bool]
    load: Callable[[str], Guidance]


def load_guidance(source: str | Path = "builtin") -> Guidance:
    """A text-image model, frozen and in evaluation mode.

    source: "builtin"; "evaluator", a held-out model trained on other people, to score edits with; a
    guidance.safetensors that ClipFace trained; OpenAI's .pt file or the name of an imported CLIP; a
    folder or the hub name (`openai/clip-vit-base-patch32`) of a CLIP-like model that transformers
    reads. Nothing is downloaded: raises InputError for what is not here.
    """
    word = str(source)
    for kind in GUIDANCES.values():
        if kind.takes(word):
            return kind.load(word)
    raise InputError(
        f"No guidance {word!r}; give 'builtin', a file or folder of a CLIP, its hub name such as "
        f"openai/clip-vit-base-patch32, or an imported one ({', '.join(imported()) or 'none'})."
    )


def _shipped(name: str) -> EmbeddedGuidance:
    model = EmbeddedGuidance.load(builtin(_SHIPPED[name]))
    model.name = name
    return model


def _trained(source: str) -> EmbeddedGuidance:
    path = Path(source)
    model = EmbeddedGuidance.load(path)
    model.name = path.stem
    return model


def _is_trained(source: str) -> bool:
    return own_format(Path(source)) == embedded.FORMAT


def _is_openai(source: str) -> bool:
    return Path(source).is_file() or source in imported()


def _openai(source: str) -> Guidance:
    return load_openai(Path(source) if Path(source).is_file() else imported()[source])


def _is_transformers(source: str) -> bool:
    path = Path(source)
    return path.is_dir() or (bool(_HUB_NAME.fullmatch(source)) and path.suffix != ".pt")


GUIDANCES: dict[str, Kind] = {
    "shipped": Kind(_SHIPPED.__contains__, _shipped),
    "trained": Kind(_is_trained, _trained),
    "openai": Kind(_is_openai, _openai),
    "transformers": Kind(_is_transformers, load_transformers),
}
"""Kinds of guidance by name, in the order in which they are asked."""
