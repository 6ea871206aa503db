"""The embedded text-image model: two small towers trained on painted heads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from clipface_cli.artifacts import quantised, read_tensors, restored, write_tensors
from clipface_cli.errors import InputError
from clipface_cli.guidance._image import ImageTower
from clipface_cli.guidance._text import TextTower
from clipface_cli.guidance.peoples import without_peoples
from clipface_cli.guidance.protocol import Coverage
from clipface_cli.guidance.words import WordTable

FORMAT = "clipface-guidance"
MAX_WORDS = 200
_CONCEPT_VALUES = "text.memory.values"  # name of the concept memory's weights (C, D)

# Cosines between the vectors of a word and of the concept nearest to it. From the first on a word
# counts as a synonym ("corpse" of "zombie": 0.7), from the second on as a guess worth naming
# ("demon" for "zombie": 0.5); below it the memory's threshold leaves hardly any of the word.
_SYNONYM, _GUESS = 0.62, 0.45
_NEAREST = 12  # concepts looked at for a word: fillers among them are passed over
_NAMED = 3  # concepts, at most, that a guess names

# Words without an appearance of their own: neither understood nor unknown.
_FILLER_WORDS = """
    a about after all also an and any are as at be been being both but by can could do does each
    face faces for from had has have having he head her hers him his how i if image in into is
    it its just like look looking looks made make makes me more most much my no not of off on
    one or other our out over own person's photo photograph picture please portrait quite rather
    really render rendering s same she should showing shows so some somebody someone such than
    that the their them then there these they this those to too under up us very was we were
    what when which while who whose will with would you your
"""
_FILLER = frozenset(_FILLER_WORDS.split())


class EmbeddedGuidance(nn.Module):
    """Text and image towers over the static word vectors; see the model card for its training."""

    calibrated = True

    def __init__(self, words: WordTable, concepts: list[str], size: int = 128) -> None:
        """concepts: the words of the training captions, each an entry of `words`."""
        super().__init__()
        self.name = "builtin"
        self.words = words
        self.concepts = concepts
        missing = [word for word in concepts if words.row(word) is None]
        if missing:
            raise InputError(
                f"The word vectors lack {missing[0]!r}; rebuild both with make bundle."
            )
        rows = torch.tensor([words.row(word) for word in concepts], device="cpu")
        self.text = TextTower(words.vectors[rows], size)
        self.image = ImageTower(size)

    def encode_text(self, prompts: list[str]) -> Tensor:
        """Embeddings (B, D) of prompts; words for peoples and places are left out.

        Raises InputError for a prompt that is empty, that has nothing else than such words or more
        than 200 words.
        """
        vectors, present = self.word_vectors(prompts)
        embedded: Tensor = self.text(vectors, present)
        return embedded

    def encode_image(self, images: Tensor) -> Tensor:
        """Embeddings (B, D) of images (B, 3, H, W) in [-1, 1]."""
        embedded: Tensor = self.image(images)
        return embedded

    def word_vectors(self, prompts: list[str]) -> tuple[Tensor, Tensor]:
        """Word vectors (B, L, P), zero where padded, and presence (B, L)."""
        return self.vectors_of([rows_of(self.words, prompt) for prompt in prompts])

    def vectors_of(self, rows: list[list[int]]) -> tuple[Tensor, Tensor]:
        """Word vectors (B, L, P) and presence (B, L) of prompts given as rows of the word table.

        The table stays on the CPU; the results are where the text tower is.
        """
        found = [torch.tensor(row, dtype=torch.long, device="cpu") for row in rows]
        index = pad_sequence(found, batch_first=True, padding_value=-1)
        present = (index >= 0).float()
        vectors = self.words.vectors[index.clamp(min=0)] * present[..., None]
        keys = self.text.memory.keys
        return vectors.to(keys), present.to(keys)

    def understood(self, prompt: str) -> Coverage:
        """Words of the prompt sorted into understood, guessed, unknown and unread ones."""
        prompt, unread = without_peoples(prompt)
        known: list[str] = []
        guessed: dict[str, tuple[str, ...]] = {}
        unknown: list[str] = []
        for token in dict.fromkeys(self.words.tokenize(prompt)):
            if token.text in _FILLER:
                continue
            concepts = self._concepts_like(token.index)
            if not concepts:
                unknown.append(token.text)
            elif concepts[0][1] >= _SYNONYM:
                known.append(token.text)
            else:
                guessed[token.text] = tuple(name for name, _ in concepts)
        return Coverage(tuple(known), tuple(guessed.items()), tuple(unknown), unread)

    def _concepts_like(self, row: int | None) -> list[tuple[str, float]]:
        """Up to three concepts near a word and their cosines, best first; empty when none is."""
        if row is None:
            return []
        scores = self.text.memory.keys.to(self.words.vectors) @ self.words.vectors[row]
        nearest = scores.topk(min(_NEAREST, len(scores)))
        named = [
            (self.concepts[index], score)
            for score, index in zip(nearest.values.tolist(), nearest.indices.tolist(), strict=True)
        ]
        return [(n, s) for n, s in named if s >= _GUESS and n not in _FILLER][:_NAMED]

    def save(self, path: Path, card: dict[str, Any]) -> None:
        """Write the weights (8 bits) with `card`, facts about their training."""
        header = {
            "format": FORMAT,
            "version": "1",
            "size": str(self.text.project.out_features),
            "concepts": json.dumps(self.concepts),
            "card": json.dumps(card),
        }
        write_tensors(path, quantised(self.state_dict()), header)

    @classmethod
    def load(cls, path: Path, words: WordTable | None = None) -> EmbeddedGuidance:
        """Read a file of `save`; frozen, in evaluation mode.

        Concepts that are peoples are dropped, so that no other word ("bengal") is taken for them.
        """
        tensors, header = read_tensors(path, FORMAT)
        names, weights = json.loads(header["concepts"]), restored(tensors)
        rows = [row for row, name in enumerate(names) if not without_peoples(name)[1]]
        weights[_CONCEPT_VALUES] = weights[_CONCEPT_VALUES][rows]
        concepts = [names[row] for row in rows]
        model = cls(words or WordTable.load(), concepts, int(header["size"]))
        model.load_state_dict(weights)
        return model.eval().requires_grad_(False)


def rows_of(words: WordTable, prompt: str) -> list[int]:
    """Rows of the words in a prompt that the table has, without those for peoples and places.

    Raises InputError for a prompt that is empty, that has nothing else than such words or more than
    200 words.
    """
    rest, unread = without_peoples(prompt)
    tokens = words.tokenize(rest)
    if unread and all(token.text in _FILLER for token in tokens):
        raise InputError(
            f"The embedded model paints no peoples, and {prompt!r} asks for nothing else; describe "
            "skin, hair and features, or use CLIP (--guidance)."
        )
    if not tokens:
        raise InputError("The prompt has no words; describe a face, as in 'an old man'.")
    if len(tokens) > MAX_WORDS:
        raise InputError(f"The prompt has more than {MAX_WORDS} words; shorten it.")
    return [token.index for token in tokens if token.index is not None]
