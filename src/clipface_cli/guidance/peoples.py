"""Words for peoples and places, which the embedded guidance does not read (peoples.toml)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from clipface_cli.artifacts import read_toml
from clipface_cli.guidance.words import unaccented

_WORDS = Path(__file__).with_name("peoples.toml")
_GROUPS = ("regions", "nations", "peoples", "faiths", "dated")
_BEFORE = r"(?:(?i:from|of|in)\s+(?:(?i:the)\s+)?)?"
_AFTER = r"(?:[\s-]+(?i:descent|origin|ancestry|heritage|ethnicity|born|looking))?"


def without_peoples(prompt: str) -> tuple[str, tuple[str, ...]]:
    """A prompt without its words for peoples, nations, faiths and regions, and these words.

    "a young Irishwoman of Asian descent" -> "a young woman", ("Irish", "Asian"). The rest is in
    ASCII; so are the words, spelled as in the prompt.
    """
    found: list[str] = []

    def left(match: re.Match[str]) -> str:
        if match["kept"]:
            return match[0]
        found.append(match["people"])
        return match["person"] or ""

    rest = _pattern().sub(left, unaccented(prompt))
    return " ".join(rest.split()), tuple(dict.fromkeys(found))


@cache
def _pattern() -> re.Pattern[str]:
    """Matches one word or phrase: `kept` or `people`, with the `person` of "Dutchman"."""
    table = read_toml(_WORDS)
    kept = _any_of(table["kept"])
    people = _any_of(word for group in _GROUPS for word in table[group])
    capitalised = _any_of(f(word) for word in table["capitalised"] for f in (str.title, str.upper))
    return re.compile(
        rf"\b(?:(?P<kept>(?i:{kept}))|{_BEFORE}\b(?P<people>(?i:{people})|{capitalised})"
        rf"(?:(?i:'?s)|(?P<person>(?i:m[ae]n|wom[ae]n))(?i:'s)?)?{_AFTER})\b"
    )


def _any_of(words: Iterable[str]) -> str:
    """A pattern of any of the phrases, the longest first; spaces may be hyphens."""
    ordered = sorted(set(words), key=len, reverse=True)
    return "(?:" + "|".join(re.escape(word).replace(r"\ ", r"[\s-]+") for word in ordered) + ")"
