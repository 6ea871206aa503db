"""Stages of a prompt for one person: target directions, starts, painted regions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.initialization import INITIALIZATIONS, Request, Start, zero_start
from clipface_cli.edit.initialization.latent_bank import wanted_direction
from clipface_cli.edit.models import EditModels
from clipface_cli.edit.presets import EditSettings, sentence
from clipface_cli.edit.prompt_parts import named_regions, split_prompt

TELLING = 0.2  # least length of a word's direction, as a share of the distance between people
_NOTHING = 1e-6  # length of a direction below which the prompt asks for nothing


@dataclass(frozen=True)
class Stage:
    """One stage of a prompt.

    direction (D,): the target direction, as long as the image direction should become; start: where
    the mappers begin; sentences: the targets that were compared; regions: where the texture may
    change, () for everywhere; expressive: whether the expression may change.
    """

    prompt: str
    direction: Tensor
    start: Start
    sentences: tuple[str, ...]
    regions: tuple[str, ...] = ()
    expressive: bool = True


@dataclass(frozen=True)
class StageBatch:
    """The stages of B edits, stacked; text: the target sentences' embeddings."""

    direction: Tensor  # (B, D)
    text: Tensor  # (B, D)
    w_offset: Tensor  # (B, L, w_dim)
    expression_offset: Tensor  # (B, E)
    appearance_weight: Tensor  # (B,)
    expressive: Tensor  # (B,) 1 where the expression may change, 0 where it stays

    @classmethod
    @torch.no_grad()
    def of(cls, models: EditModels, settings: EditSettings, stages: Sequence[Stage]) -> StageBatch:
        """Stack them."""
        texts = models.guidance.encode_text([sentence(settings, s.prompt) for s in stages])
        starts = [stage.start for stage in stages]
        return cls(
            torch.stack([stage.direction for stage in stages]),
            texts,
            torch.stack([start.w_offset for start in starts]),
            torch.stack([start.expression_offset for start in starts]),
            texts.new_tensor([start.appearance_weight for start in starts]),
            texts.new_tensor([float(stage.expressive) for stage in stages]),
        )


class PromptReader:
    """Turns prompts into stages for one person."""

    def __init__(self, models: EditModels, person: Subject, settings: EditSettings) -> None:
        self.models, self.person, self.settings = models, person, settings

    def stages(self, prompt: str, seed: int) -> list[Stage]:
        """The stages of a prompt: without `prompt_parts` a single one for the whole texture.

        With them one for the face as a whole, then one for what only colours parts of it. Raises
        InputError for an empty prompt or one that the guidance cannot read.
        """
        parts = self._parts(prompt)
        local = [part for part in parts if named_regions(part)]
        if not self.settings.prompt_parts or self.settings.only:
            expressive = not self.settings.prompt_parts or len(local) < len(parts)
            stage = self._stage(parts, seed, expressive)
            return [replace(stage, regions=self.settings.only)]
        whole = [part for part in parts if part not in local]
        stages = [self._stage(whole, seed, expressive=True)] if whole else []
        if local:
            regions = tuple(dict.fromkeys(name for part in local for name in named_regions(part)))
            stage = self._stage(local, seed, expressive=False)
            stages.append(replace(stage, regions=regions))
        return stages

    def whole(self, prompt: str, seed: int) -> Stage:
        """A prompt as one stage over the whole texture."""
        parts = self._parts(prompt)
        local = self.settings.prompt_parts and all(map(named_regions, parts))
        return self._stage(parts, seed, expressive=not local)

    def _parts(self, prompt: str) -> Sequence[str]:
        self.models.target_direction(self.settings, prompt)  # refuses what cannot be read
        if not self.settings.prompt_parts:
            return [" ".join(prompt.split())]
        parts = [part for part in split_prompt(prompt) if not self._unread(part)]
        if self.settings.change != "both" or not self._tells_expressions:
            return parts
        return [one for part in parts for one in self._by_kind(part)]

    def _unread(self, part: str) -> bool:
        """Whether a part has nothing but words that the guidance leaves out."""
        coverage = self.models.guidance.understood(part)
        return bool(coverage.unread) and coverage.empty and not coverage.unknown

    @property
    def _tells_expressions(self) -> bool:
        return "expression-basis" in self.settings.initialization

    def _by_kind(self, part: str) -> list[str]:
        """A part that names an expression and an appearance, in two: "sad old clown" -> "sad",
        "old clown"."""
        words = part.split()
        weights = [self._expression_weight(word) for word in words] if len(words) > 1 else []
        if 0.0 not in weights or 1.0 not in weights:
            return [part]
        pairs = list(zip(words, weights, strict=True))
        expression = " ".join(word for word, weight in pairs if weight == 1)
        return [expression, " ".join(word for word, weight in pairs if weight != 1)]

    @torch.no_grad()
    def _expression_weight(self, word: str) -> float | None:
        """Certainty in 0..1 that a word is an expression; None where its direction is short."""
        models, settings = self.models, self.settings
        if models.guidance.understood(word).empty:
            return None
        direction = models.target_direction(settings, word)
        if direction.norm() < TELLING * models.latent_bank.mean_distance:
            return None
        basis = models.expression_basis(self.person, settings)
        return basis.expression(settings.expression_reach * direction)[1]

    def _stage(self, parts: Sequence[str], seed: int, expressive: bool) -> Stage:
        """One stage with the sum of the parts' directions and starts."""
        expressive = expressive and self.settings.change != "texture"
        found = [self._part(part, seed, expressive) for part in parts]
        starts = [start for _, start in found]
        start = Start(
            torch.stack([s.w_offset for s in starts]).sum(0) / (1 + self.settings.identity),
            torch.stack([s.expression_offset for s in starts]).sum(0),
            max(s.expression_weight for s in starts),
            max(s.appearance_weight for s in starts),
        )
        direction = torch.stack([direction for direction, _ in found]).sum(0)
        sentences = tuple(sentence(self.settings, part) for part in parts)
        return Stage(", ".join(parts), direction, start, sentences, expressive=expressive)

    @torch.no_grad()
    def _part(self, prompt: str, seed: int, expressive: bool) -> tuple[Tensor, Start]:
        """Target direction (D,) and start of one part of a prompt."""
        models, settings, person = self.models, self.settings, self.person
        direction = models.target_direction(settings, prompt)
        start = zero_start(person.w, models.head.expression_size)
        if float(direction.norm()) < _NOTHING:
            return direction[0], start
        request = Request(models, settings, person, direction[0], seed, expressive)
        for name in settings.initialization:
            start = INITIALIZATIONS[name](request, start)
        return wanted_direction(request, start), start
