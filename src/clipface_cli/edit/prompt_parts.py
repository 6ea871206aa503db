"""Addition of preset `default`: a prompt is read in parts (words in prompt_words.toml)."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

from clipface_cli.artifacts import read_toml

_WORDS = Path(__file__).with_name("prompt_words.toml")
_JOINTS = re.compile(r"\s*[,;+&]\s*(?:and\s+)?|\s+(?:and|with)\s+", re.IGNORECASE)


def split_prompt(prompt: str) -> list[str]:
    """Parts of a prompt: "laughing, red lips and a beard" -> three parts."""
    parts = [part.strip() for part in _JOINTS.split(prompt)]
    return [part for part in parts if part] or [prompt.strip()]


def named_regions(part: str) -> list[str]:
    """Regions that a part of a prompt speaks of and nothing else ("red lips"), or []."""
    regions, adjectives = _words()
    words = re.findall(r"[a-z]+", part.lower())
    found = list(dict.fromkeys(regions[word] for word in words if word in regions))
    others = [word for word in words if word not in regions and word not in adjectives]
    return [] if others else found


@cache
def _words() -> tuple[dict[str, str], frozenset[str]]:
    """Region by word, and the adjectives."""
    table = read_toml(_WORDS)
    regions = {word: name for name, words in table["regions"].items() for word in words}
    return regions, frozenset(table["adjectives"])
