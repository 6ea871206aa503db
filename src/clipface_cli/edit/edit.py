"""Edit textured heads towards prompts (paper sec. 3.2)."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from itertools import repeat
from typing import Any

import torch
from torch import Tensor

from clipface_cli.adam import Adam
from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.composition import TextureComposition
from clipface_cli.edit.initialization import INITIALIZATIONS, Request, Start
from clipface_cli.edit.mapper_set import MapperBatch, Mappers
from clipface_cli.edit.models import EditModels
from clipface_cli.edit.optimize import (
    Evaluation,
    Heads,
    Objective,
    Optimizer,
    descend,
    limited_motion,
)
from clipface_cli.edit.presets import EditSettings, default_settings
from clipface_cli.edit.stages import PromptReader, Stage, StageBatch
from clipface_cli.edit.views import Views, ViewSampler, fixed_views
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import Generator

TOGETHER = 4  # edits that are optimised at once: more gain nothing on two cores
SCORED_YAWS = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees, of the views that the result is scored on
_LEAST = 15  # steps before an edit may count as settled
_SPAN = 8  # steps whose mean similarity is compared with that of the steps before


@dataclass(frozen=True)
class Progress:
    """Progress of some edits: step of steps, which of the requests, their losses and similarities.

    stage: what of their prompts is being worked on; loss, similarity (B,), on the edits' device:
    reading them waits for it; subjects() gives the heads as they are now.
    """

    step: int
    steps: int
    edits: list[int]
    stage: str
    loss: Tensor
    similarity: Tensor
    subjects: Callable[[], list[Subject]]


Callback = Callable[[Progress], None]


@dataclass
class Edit:
    """The edited head, and the cosine of the directions of its change and of the prompt's.

    similarity: of the whole prompt, over five views; log: loss and similarity by step; sentences:
    the targets that were compared with the settings' source; interrupted: Ctrl-C ended it, subject
    is the best so far.
    """

    subject: Subject
    similarity: float = 0.0
    sentences: tuple[str, ...] = ()
    log: list[tuple[float, float]] = field(default_factory=list)
    interrupted: bool = False


def edit_mesh(
    subject: Subject,
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    settings: EditSettings | None = None,
    callback: Callback | None = None,
) -> Edit:
    """Optimise fresh mappers for this head and prompt; shape and pose stay as they are.

    All of them on one device. settings: preset `default` if None. Raises InputError when the prompt
    is empty or the subject's code is another generator's.
    """
    models = EditModels(head, generator, guidance)
    settings = settings or default_settings(guidance)
    return edit_meshes(subject, [(prompt, settings.seed)], models, settings, callback)[0]


def edit_meshes(
    subject: Subject,
    requests: Sequence[tuple[str, int]],
    models: EditModels,
    settings: EditSettings | None = None,
    callback: Callback | None = None,
    mappers: Mappers | None = None,
) -> list[Edit]:
    """One edit of the same head for each prompt and seed, several at once.

    mappers: trained zero-offset mappers to begin with instead of fresh ones. Raises InputError as
    `edit_mesh` does. After Ctrl-C each result is the best so far.
    """
    begun = time.monotonic()
    settings = settings or default_settings(models.guidance)
    if subject.w.shape[1:] != (models.generator.num_ws, models.generator.w_dim):
        raise InputError("The mesh was made by another generator; give the one that made it.")
    reader = PromptReader(models, subject, settings)
    plans = [reader.stages(prompt, seed) for prompt, seed in requests]
    edits = [Edit(subject) for _ in requests]
    stages = max(map(len, plans))
    for stage in range(stages):
        until = begun + settings.seconds * (stage + 1) / stages if settings.seconds else math.inf
        due = [k for k, plan in enumerate(plans) if stage < len(plan)]
        for first in range(0, len(due), TOGETHER):
            some = due[first : first + TOGETHER]
            if any(edit.interrupted for edit in edits):
                break
            batch = BatchedEdit(
                models,
                [edits[k].subject for k in some],
                [plans[k][stage] for k in some],
                [requests[k][1] for k in some],
                settings,
                mappers,
            )
            steps = -(-settings.steps // max(len(plans[k]) for k in some))
            for k, done in zip(some, batch.run(steps, some, callback, until), strict=True):
                done.log = edits[k].log + done.log
                edits[k] = done
    for edit, (prompt, seed), plan in zip(edits, requests, plans, strict=True):
        entry = {"prompt": prompt, "guidance": models.guidance.name, "seed": seed}
        _finish(edit, subject, plan, models, settings, entry)
    return edits


def _finish(
    edit: Edit,
    before: Subject,
    plan: list[Stage],
    models: EditModels,
    settings: EditSettings,
    entry: dict[str, Any],
) -> None:
    """Apply `strength`, score against the whole prompt, write the history."""
    edit.sentences = tuple(text for stage in plan for text in stage.sentences)
    after = _scaled(before, edit.subject, plan, models, settings)
    stages = StageBatch.of(models, settings, plan)
    whole = replace(stages, direction=stages.direction.sum(0, keepdim=True))
    views, objective = fixed_views(SCORED_YAWS, models.device), Objective(models, settings)
    heads = [Heads(s.params, s.w, s.texture) for s in (before, after)]
    with torch.no_grad():
        seen = [objective.embed(h, views) for h in heads]
        edit.similarity = float(objective.similarity(whole, *reversed(seen)))
    if settings.strength != 1:
        entry = entry | {"strength": settings.strength}
    if settings.only:
        entry = entry | {"only": list(settings.only)}
    if settings.preset != "default":
        entry = entry | {"preset": settings.preset}
    edit.subject = before.edited(after.params.expression, after.w, after.texture, entry)


def _scaled(
    before: Subject, after: Subject, plan: list[Stage], models: EditModels, settings: EditSettings
) -> Subject:
    """Extrapolation from `before` to `after` by `strength`."""
    strength = settings.strength
    if strength == 1:
        return after

    def along(first: Tensor, second: Tensor) -> Tensor:
        return first + strength * (second - first)

    params, w = before.params, along(before.w, after.w)
    expression = along(params.expression, after.params.expression)
    if any(stage.regions for stage in plan):
        texture = along(before.texture, after.texture)
    else:
        composition = TextureComposition(models.generator, models.head, [before], [()], settings)
        with torch.no_grad():
            texture = composition.full(w)
    return replace(before, params=params.with_expression(expression), w=w, texture=texture)


class BatchedEdit:
    """A batch of edits that are optimised together, each with its own mappers."""

    def __init__(
        self,
        models: EditModels,
        people: Sequence[Subject],
        stages: Sequence[Stage],
        seeds: Sequence[int],
        settings: EditSettings,
        mappers: Mappers | None = None,
    ) -> None:
        """mappers: trained zero-offset ones to begin with."""
        self.models, self.people, self.plan, self.settings = models, people, stages, settings
        self.stages = StageBatch.of(models, settings, stages)
        self.objective = Objective(models, settings)
        self.composition = TextureComposition(
            models.generator, models.head, people, [stage.regions for stage in stages], settings
        )
        params = HeadParams.stacked([person.params for person in people])
        self.initial = Heads(params, self.composition.w, self.composition.initial)
        self.seeds = seeds
        self.mappers = MapperBatch(models.generator, models.head, seeds, settings.code_conditioned)
        self._begin(mappers)
        self.best: tuple[Tensor, Tensor, Tensor] | None = None  # loss, w, expression
        self._fixed_before: Tensor | None = None

    @torch.no_grad()
    def _begin(self, mappers: Mappers | None) -> None:
        """Zero-offset mappers, moved to where the settings start."""
        settings = self.settings
        if settings.pretraining:
            self.mappers.pretrain_zero()
        if mappers is not None:
            self.mappers.start_from(mappers)
        single = not settings.steps or self.models.given_mapper is not None
        names = settings.single_pass if single else ()
        if names or settings.initialization:
            starts = [self._started(place, names) for place in range(len(self.plan))]
            self.mappers.begin_at(
                torch.stack([start.w_offset for start in starts]),
                torch.stack([start.expression_offset for start in starts]),
            )

    def _started(self, place: int, names: Sequence[str]) -> Start:
        """The start of one edit after further initialisations."""
        person, stage, seed = self.people[place], self.plan[place], self.seeds[place]
        start = stage.start
        for name in names:
            request = Request(
                self.models, self.settings, person, stage.direction, seed, stage.expressive
            )
            start = INITIALIZATIONS[name](request, start)
        return start

    def run(
        self, steps: int, edits: list[int], callback: Callback | None, until: float = math.inf
    ) -> list[Edit]:
        """Optimise; one Edit for each, its subject without history.

        until: `time.monotonic()` after which no further step begins.
        """
        settings, interrupted = self.settings, False
        stream = random.Random(self.seeds[0])
        sampler = ViewSampler(settings, repeat(stream, steps), self.models.device)
        optimizer = Adam(self.mappers.groups(settings.texture_rate, settings.expression_rate))
        log: list[Evaluation] = []
        stage = " | ".join(stage.prompt for stage in self.plan)
        try:
            for step in range(steps):
                log.append(self.step(optimizer, sampler[step]))
                if callback:
                    now = log[-1].loss, log[-1].similarity
                    callback(Progress(step + 1, steps, edits, stage, *now, self._subjects))
                if settings.early_stop and settled(log, settings.early_stop):
                    break
                if time.monotonic() > until:
                    break
        except KeyboardInterrupt:
            interrupted = True
        read = [torch.stack([past.loss, past.similarity], 1) for past in log]
        logs = torch.stack(read, 1).tolist() if read else [[] for _ in self.people]
        return [
            Edit(subject, log=[tuple(past) for past in logs[k]], interrupted=interrupted)
            for k, subject in enumerate(self._subjects(best=interrupted))
        ]

    def step(self, optimizer: Optimizer, views: Views) -> Evaluation:
        """One step of Adam on the renders from these views."""
        before = self._before(views)
        w, expression = self._moved()
        edited = Heads(self.initial.params.with_expression(expression), w, self._seen(w))
        evaluation = self.objective.evaluate(self.stages, self.initial, edited, views, before)
        self._remember(evaluation.loss.detach(), w.detach(), expression.detach())
        return descend(optimizer, [evaluation])[0]

    @torch.no_grad()
    def _before(self, views: Views) -> Tensor:
        """Embeddings (B, V, D) of the unedited heads; those of fixed views are cached."""
        if views.fixed is None:
            return self.objective.embed(self.initial, views)
        if self._fixed_before is None:
            every = fixed_views(self.settings.yaws, self.models.device)
            self._fixed_before = self.objective.embed(self.initial, every)
        return self._fixed_before[:, list(views.fixed)]

    def _moved(self) -> tuple[Tensor, Tensor]:
        """Codes and expressions with the mappers' current offsets."""
        initial, settings = self.initial, self.settings
        moved, change = self.mappers(initial.w, initial.params.expression)
        if settings.change == "expression":
            moved = torch.zeros_like(moved)
        change = self.stages.expressive[:, None] * change
        change = limited_motion(self.models.head, change, settings.motion_limit)
        return initial.w + moved, initial.params.expression + change

    def _seen(self, w: Tensor) -> Tensor:
        unpainted = self.settings.change == "expression"
        return self.composition.initial if unpainted else self.composition.seen(w)

    def _remember(self, loss: Tensor, w: Tensor, expression: Tensor) -> None:
        """Keep each edit's state of the lowest loss so far."""
        if self.best is None:
            self.best = loss, w, expression
            return
        better = loss < self.best[0]
        pairs = zip((loss, w, expression), self.best, strict=True)
        lowest, codes, expressions = (
            torch.where(better.view(-1, *[1] * (now.ndim - 1)), now, then) for now, then in pairs
        )
        self.best = lowest, codes, expressions

    @torch.no_grad()
    def _subjects(self, best: bool = False) -> list[Subject]:
        """The heads as they are now, or at the lowest loss so far."""
        w, expression = self._moved()
        if best and self.best is not None:
            _, w, expression = self.best
        unpainted = self.settings.change == "expression"
        texture = self.composition.texture if unpainted else self.composition.full(w)
        codes = self.composition.kept_codes(w)
        return [
            replace(
                person,
                params=person.params.with_expression(expression[k : k + 1]),
                w=codes[k : k + 1],
                texture=texture[k : k + 1],
            )
            for k, person in enumerate(self.people)
        ]


def settled(log: Sequence[Evaluation], least: float) -> bool:
    """Whether, in every edit, the last steps' mean similarity is hardly above the steps' before."""
    if len(log) < max(_LEAST, 2 * _SPAN):
        return False
    recent = torch.stack([past.similarity for past in log[-2 * _SPAN :]])
    gain = (recent[_SPAN:].sum(0) - recent[:_SPAN].sum(0)) / _SPAN
    return bool((gain < least * _SPAN).all())
