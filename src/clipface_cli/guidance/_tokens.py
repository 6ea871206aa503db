"""Prompts to token numbers: CLIP's byte pairs from the embedded merges, or a model's own.

Numbers are made on the CPU; the model moves them to its device.
"""

from __future__ import annotations

import gzip
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor

from clipface_cli.assets import builtin
from clipface_cli.errors import InputError

_START, _END = "<|startoftext|>", "<|endoftext|>"


class Tokenizer(Protocol):
    """Prompts to the text tower's arguments."""

    def __call__(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        """input_ids (B, L) and what else the tower reads; InputError for a prompt too long."""
        ...


class BytePairs:
    """CLIP's tokenizer; rows as OpenAI's `tokenize` gives them, padded with 0."""

    def __init__(self, length: int = 77, merges: bytes | None = None) -> None:
        """merges: text of a merges.txt, the embedded one (assets/files) when None."""
        from transformers import CLIPTokenizer

        pairs = _pairs(merges or gzip.decompress(builtin("clip_merges.txt.gz").read_bytes()))
        letters = _byte_letters()
        words = [*letters, *(f"{letter}</w>" for letter in letters)]
        words += ["".join(pair) for pair in pairs] + [_START, _END]
        vocabulary = {word: number for number, word in enumerate(words)}
        self._tokenizer = CLIPTokenizer(vocab=vocabulary, merges=pairs)
        self.length, self.size = length, len(vocabulary)

    def __call__(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        texts = [html.unescape(html.unescape(prompt)).strip() for prompt in prompts]
        rows = self._tokenizer(texts)["input_ids"]
        ids = torch.zeros(len(rows), self.length, dtype=torch.long, device="cpu")
        for row, tokens in zip(ids, rows, strict=True):
            _check_length(len(tokens), self.length)
            row[: len(tokens)] = torch.tensor(tokens, device="cpu")
        return {"input_ids": ids}


class OwnTokens:
    """The tokenizer in a model's folder, padded to the length that its text tower reads."""

    def __init__(self, source: str | Path, length: int, masked: bool) -> None:
        """source: folder or cached model that has a tokenizer's files."""
        from transformers import AutoTokenizer

        try:
            self._tokenizer: Any = AutoTokenizer.from_pretrained(source, local_files_only=True)
        except (OSError, ValueError, ImportError, KeyError) as error:
            raise InputError(f"The tokenizer of {source} cannot be read: {error}") from error
        self.length, self._masked = length, masked

    def __call__(self, prompts: Sequence[str]) -> dict[str, Tensor]:
        texts = list(prompts)
        for row in self._tokenizer(texts)["input_ids"]:
            _check_length(len(row), self.length)
        padded: Any = self._tokenizer(
            texts, padding="max_length", max_length=self.length, return_tensors="pt"
        )
        names = ["input_ids", "attention_mask"] if self._masked else ["input_ids"]
        return {name: padded[name] for name in names}


def _check_length(tokens: int, most: int) -> None:
    if tokens > most:
        raise InputError(
            f"The prompt is too long: {tokens - 2} tokens where this model reads {most - 2}; "
            "shorten it."
        )


def _pairs(text: bytes) -> list[tuple[str, str]]:
    lines = text.decode().split("\n")
    first = 1 if lines[0].startswith(("#", '"')) else 0  # a version line
    pairs = [tuple(line.split()) for line in lines[first:]]
    return [(pair[0], pair[1]) for pair in pairs if len(pair) == 2]


def _byte_letters() -> list[str]:
    """A printable character for every byte, in the order of GPT-2's vocabulary."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in printable]
    return [chr(b) for b in printable] + [chr(256 + n) for n in range(len(others))]
