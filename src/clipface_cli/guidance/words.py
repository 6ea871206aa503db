"""Static word vectors and the tokenizer that finds their words in a prompt."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import read_tensors
from clipface_cli.assets import builtin

FORMAT = "clipface-words"

# (ending, what replaces it), tried in this order on a word that the table lacks.
_ENDINGS = (
    ("'s", ""),
    ("s'", ""),
    ("ies", "y"),
    ("es", "e"),
    ("es", ""),
    ("s", ""),
    ("ied", "y"),
    ("ed", "e"),
    ("ed", ""),
    ("ing", "e"),
    ("ing", ""),
    ("iest", "y"),
    ("ier", "y"),
    ("est", "e"),
    ("est", ""),
    ("ers", ""),
    ("er", "e"),
    ("er", ""),
    ("ily", "y"),
    ("ly", ""),
    ("iness", "y"),
    ("ness", ""),
    ("esque", ""),
    ("like", ""),
    ("ish", ""),
    ("y", ""),
)


@dataclass(frozen=True)
class Token:
    """A word or phrase of a prompt; `index` is its row in the table, None when it is unknown."""

    text: str
    index: int | None


class WordTable:
    """Words, phrases (entries with spaces) and their unit vectors (N, P)."""

    def __init__(self, words: list[str], vectors: Tensor) -> None:
        self.words = words
        self.vectors = vectors

    @classmethod
    def load(cls, path: Path | None = None) -> WordTable:
        """Read words.safetensors (tools/build_words.py); the embedded one when no path is given."""
        tensors, _ = read_tensors(path or builtin("words.safetensors"), FORMAT)
        words = tensors["words"].numpy().tobytes().decode().split("\n")
        return cls(words, F.normalize(tensors["codes"].float(), dim=1))

    @cached_property
    def _index(self) -> dict[str, int]:
        return {word: row for row, word in enumerate(self.words)}

    @cached_property
    def _longest_phrase(self) -> int:
        return max(word.count(" ") for word in self.words) + 1

    def row(self, word: str) -> int | None:
        """Row of a lower-case word or phrase, or of its stem, or None."""
        if word in self._index:
            return self._index[word]
        return next((self._index[stem] for stem in stems(word) if stem in self._index), None)

    def tokenize(self, prompt: str) -> list[Token]:
        """Words of a prompt, longest known phrases first; case, accents and marks do not matter."""
        words = re.findall(r"[a-z]+(?:'[a-z]*)?", unaccented(prompt).lower())
        tokens, start = [], 0
        while start < len(words):
            token = self._phrase_at(words, start)
            tokens.append(token)
            start += token.text.count(" ") + 1
        return tokens

    def _phrase_at(self, words: list[str], start: int) -> Token:
        for length in range(min(self._longest_phrase, len(words) - start), 1, -1):
            phrase = " ".join(words[start : start + length])
            if phrase in self._index:
                return Token(phrase, self._index[phrase])
        return Token(words[start], self.row(words[start]))


def unaccented(text: str) -> str:
    """A text in ASCII: accents off its letters, straight apostrophes, other characters left out."""
    plain = unicodedata.normalize("NFKD", text.replace("’", "'"))
    return plain.encode("ascii", "ignore").decode()


def stems(word: str) -> Iterator[str]:
    """Possible stems of a lower-case word, least cut first: `grinning` gives `grin`."""
    for ending, new in _ENDINGS:
        stem = word.removesuffix(ending) + new
        if not word.endswith(ending) or len(stem) < 2:
            continue
        yield stem
        if stem[-2:-1] == stem[-1:]:
            yield stem[:-1]
