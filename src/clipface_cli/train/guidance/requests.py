"""Requests for changes as a user might write them, and the words that training uses."""

from __future__ import annotations

import numpy as np

from clipface_cli.guidance import SOURCE_PROMPT
from clipface_cli.guidance.words import WordTable
from clipface_cli.synth import RECIPES, captions, person_from_latent, sample_attributes
from clipface_cli.train.guidance.changes import CHANGES, Change

_CAPTIONED = 800  # people whose captions are searched for words
_JOINTS = (" with ", " and ", ", ", " ")
_FRAMES = (
    "{}",
    "{}",
    f"{SOURCE_PROMPT} that looks like {{}}",
    f"{SOURCE_PROMPT} that looks like {{}}",
    "a face with {}",
    "{} face",
    "a photo of {}",
    "a portrait of {}",
    "make it {}",
    "a person who looks {}",
)


def vocabulary(words: WordTable) -> list[str]:
    """Sorted entries of `words` that captions and requests use."""
    rng = np.random.default_rng(0)
    texts = [
        frame.format(phrase)
        for change in CHANGES
        for phrase in change.phrases
        for frame in (_FRAMES if phrase == change.phrases[0] else ("{}",))
    ]
    for latent in sample_attributes(_CAPTIONED, 0)[0]:
        texts += captions(person_from_latent(latent), str(rng.choice(list(RECIPES))), rng)
    rows = {token.index for text in texts for token in words.tokenize(text)}
    return sorted(words.words[row] for row in rows if row is not None)


def request(changes: tuple[Change, ...], rng: np.random.Generator) -> str:
    """A sentence in which a user might ask for the changes; phrases and frame are random."""
    phrases = [str(rng.choice(change.phrases)) for change in changes]
    rng.shuffle(phrases)
    wanted = str(rng.choice(_JOINTS)).join(phrases)
    return str(rng.choice(_FRAMES)).format(wanted)


def name_of(changes: tuple[Change, ...]) -> str:
    """Name of a set of changes, the same in every order."""
    return " + ".join(sorted(change.name for change in changes))
