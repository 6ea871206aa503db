"""Batch sampler: specifies renders with captions, and pairs of them that differ by a request."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.guidance.embedded import rows_of
from clipface_cli.guidance.words import WordTable
from clipface_cli.head import HeadModel
from clipface_cli.synth import Person, captions
from clipface_cli.train.guidance.changes import EXPRESSION_CHANGES, Change
from clipface_cli.train.guidance.families import Family
from clipface_cli.train.guidance.requests import name_of, request

RENDERS_PER_FAMILY = 4

# Shares of the families in a batch, or of the portraits, and amounts. All are chosen so that each
# kind is frequent in a batch of sixteen families.
_CAPTION_PARTS = (2, 5)  # fewest and most captions joined to one
_BLENDED_SHARE = 0.3  # families whose textures are only part of the way to the change
_LEAST_BLEND = 0.5  # fraction that is at least done, so that the change is visible
_LOW_RESOLUTION_SHARE = 0.4  # families whose textures are at low resolution
_LOW_RESOLUTION = (72, 144)  # texels a side, of 192: as soft as a generator's textures
_EXPRESSIVE_SHARE = 0.5  # portraits with an expression
_EXPRESSION_ONLY = 0.4  # third renders that change the expression alone
_FACE_ONLY = 0.3  # third renders that change the face alone; the others change both
_EXPRESSION_NOISE = 0.15  # standard deviation added to every coefficient


@dataclass
class BatchSpecification:
    """Contents of a batch of F families: four renders of each, three changes between them.

    family (F); row (F, 4): the variant whose texture is shown; expression (F, 4, E); blend (F):
    fraction of the texture's change, 0..1; side (F): texels a side of a low-resolution texture, or
    0; captions (4 F) and requests (3 F) as rows of the word table; names (3 F) of the changes,
    equal where two requests mean the same; seed: of heads, cameras and light.
    """

    family: NDArray[np.int64]
    row: NDArray[np.int64]
    expression: NDArray[np.float32]
    blend: NDArray[np.float32]
    side: NDArray[np.int64]
    captions: list[list[int]]
    requests: list[list[int]]
    names: list[str]
    seed: int


class BatchSampler:
    """Draws specifications of batches.

    Renders of a family: the person; a variant; another variant, an expression or both; an
    expression.
    """

    def __init__(
        self,
        head: HeadModel,
        families: list[Family],
        words: WordTable,
        caption_parts: tuple[int, int] = _CAPTION_PARTS,
    ) -> None:
        self.head, self.families, self.words = head, families, words
        self.caption_parts = caption_parts

    def sample(self, rng: np.random.Generator, count: int) -> BatchSpecification:
        """Specify a batch of `count` families; depends on the generator's state alone."""
        chosen = [int(rng.integers(len(self.families))) for _ in range(count)]
        drawn = [self._sample_family(self.families[index], rng) for index in chosen]
        rows, expressions, texts, changes = zip(*drawn, strict=True)
        asked = [change for group in changes for change in group]
        coarse = rng.random(count) < _LOW_RESOLUTION_SHARE
        blended = rng.random(count) < _BLENDED_SHARE
        blend = np.where(blended, rng.uniform(_LEAST_BLEND, 1, count), 1)
        return BatchSpecification(
            np.array(chosen),
            np.array(rows),
            np.stack(expressions),
            blend.astype(np.float32),
            np.where(coarse, rng.integers(*_LOW_RESOLUTION, count), 0),
            [rows_of(self.words, text) for group in texts for text in group],
            [rows_of(self.words, request(change, rng)) for change in asked],
            [name_of(change) for change in asked],
            int(rng.integers(2**31)),
        )

    def sample_portrait(self, family: Family, rng: np.random.Generator) -> tuple[Tensor, str]:
        """Expression (E,) and caption of a render of a family's person."""
        change: Change | None = EXPRESSION_CHANGES[rng.integers(len(EXPRESSION_CHANGES))]
        change = change if rng.random() < _EXPRESSIVE_SHARE else None
        name, units = ("neutral", {}) if change is None else change.draw_units(rng)
        expression = self._noise(rng) + self.head.expression_from_units(units)
        return expression, self._caption(family.people[0], name, change, rng)

    def _sample_family(
        self, family: Family, rng: np.random.Generator
    ) -> tuple[list[int], NDArray[np.float32], list[str], list[tuple[Change, ...]]]:
        """Rows (4), expressions (4, E), captions (4) and changes (3) of a family."""
        one, two = rng.choice(np.arange(1, len(family.people)), 2, replace=False)
        rows = [0, int(one), int(two), 0]
        expression_changes: list[Change | None] = [
            None,
            None,
            *rng.choice(np.array(EXPRESSION_CHANGES), 2),
        ]
        kind = rng.random()
        if kind < _EXPRESSION_ONLY:
            rows[2] = 0
        elif kind < _EXPRESSION_ONLY + _FACE_ONLY:
            expression_changes[2] = None
        drawn = [
            ("neutral", {}) if change is None else change.draw_units(rng)
            for change in expression_changes
        ]
        noise = self._noise(rng)
        expression = [noise + self.head.expression_from_units(units) for _, units in drawn]
        texts = [
            self._caption(family.people[row], name, change, rng)
            for row, change, (name, _) in zip(rows, expression_changes, drawn, strict=True)
        ]
        changes = [
            family.changes[row] + (() if change is None else (change,))
            for row, change in zip(rows[1:], expression_changes[1:], strict=True)
        ]
        return rows, torch.stack(expression).numpy(), texts, changes

    def _noise(self, rng: np.random.Generator) -> Tensor:
        """Random deviation (E,) from an exact expression."""
        noise = torch.from_numpy(rng.standard_normal(self.head.expression_size))
        return _EXPRESSION_NOISE * noise.float()

    def _caption(
        self, person: Person, expression: str, change: Change | None, rng: np.random.Generator
    ) -> str:
        """Some captions of a render, joined; with a phrase for an expression that has no recipe."""
        choices = captions(person, expression, rng)
        low, high = self.caption_parts
        count = min(int(rng.integers(low, high + 1)), len(choices))
        parts = list(rng.choice(np.array(choices), count, replace=False))
        if change is not None and expression == "neutral":
            parts.append(rng.choice(np.array(change.phrases)))
        return ", ".join(parts)
