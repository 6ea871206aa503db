"""Edit textured heads towards prompts (paper section 3.2, equations 2-9)."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from clipface_cli.edit.painting import Easel
from clipface_cli.edit.pair import MapperSet
from clipface_cli.edit.scene import VIEWS, Change, Scene, Shots
from clipface_cli.edit.settings import DEFAULT, EditSettings
from clipface_cli.edit.subject import Subject
from clipface_cli.edit.target import Planner, Target, goal
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import Generator

TOGETHER = 4  # edits that are optimised at once
FURTHEST = 0.04  # metres that an expression may move a vertex
_LEAST = 15  # steps before an edit may count as settled
_SPAN = 8  # steps whose mean similarity is compared with that of the steps before


@dataclass(frozen=True)
class Moment:
    """How far some edits are: step of steps, which of the requests, their losses and similarities.

    stage: what of their prompts is being worked on; subjects() gives the heads as they are now.
    """

    step: int
    steps: int
    edits: list[int]
    stage: str
    loss: list[float]
    similarity: list[float]
    subjects: Callable[[], list[Subject]]


Watch = Callable[[Moment], None]


@dataclass
class Edit:
    """The edited head; directional similarity (equation 7's cosine) before, after, by step.

    interrupted: Ctrl-C ended it; subject is the best so far.
    """

    subject: Subject
    start: float
    end: float
    similarity: list[float] = field(default_factory=list)
    interrupted: bool = False


def edit_mesh(
    subject: Subject,
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    settings: EditSettings = DEFAULT,
    watch: Watch | None = None,
) -> Edit:
    """Optimise fresh mappers for this head and prompt; shape and pose stay as they are.

    Raises InputError when the prompt is empty or the subject's code is another generator's.
    """
    scene = Scene(head, generator, guidance, settings.judged)
    return edit_meshes(subject, [(prompt, settings.seed)], scene, settings, watch)[0]


def edit_meshes(
    subject: Subject,
    requests: Sequence[tuple[str, int]],
    scene: Scene,
    settings: EditSettings = DEFAULT,
    watch: Watch | None = None,
) -> list[Edit]:
    """One edit of the same head for each prompt and seed, several at once.

    Raises InputError as `edit_mesh` does. Ctrl-C ends all of them with what they have.
    """
    if subject.w.shape[1:] != (scene.generator.num_ws, scene.generator.w_dim):
        raise InputError("The mesh was made by another generator; give the one that made it.")
    planner = Planner(scene, subject, settings)
    plans = [planner.stages(prompt, seed) for prompt, seed in requests]
    edits = [Edit(subject, 0.0, 0.0) for _ in requests]
    for stage in range(max(map(len, plans))):
        due = [k for k, plan in enumerate(plans) if stage < len(plan)]
        for first in range(0, len(due), TOGETHER):
            some = due[first : first + TOGETHER]
            if any(edit.interrupted for edit in edits):
                break
            bout = Bout(
                scene,
                [edits[k].subject for k in some],
                [plans[k][stage] for k in some],
                [requests[k][1] for k in some],
                settings,
            )
            share = -(-settings.steps // max(len(plans[k]) for k in some))
            for k, done in zip(some, bout.run(share, some, watch), strict=True):
                done.similarity = edits[k].similarity + done.similarity
                edits[k] = done
    for edit, (prompt, seed), plan in zip(edits, requests, plans, strict=True):
        entry = {"prompt": prompt, "guidance": scene.guidance.name, "seed": seed}
        _finish(edit, subject, plan, scene, settings, entry)
    return edits


def _finish(
    edit: Edit,
    before: Subject,
    plan: list[Target],
    scene: Scene,
    settings: EditSettings,
    entry: dict[str, Any],
) -> None:
    """Go as far as asked, score against the whole prompt, write the history."""
    after = _scaled(before, edit.subject, plan, scene, settings.strength)
    target = goal(scene, plan)
    wanted = target.wanted.sum(0, keepdim=True)
    shots = Shots.plain(list(range(len(VIEWS))))
    with torch.no_grad():
        seen = [
            scene.look(s.params, s.texture, s.params.expression, shots) for s in (before, after)
        ]
    moved = (seen[1] - seen[0])[0]
    edit.end = float(torch.cosine_similarity(moved, wanted, dim=1).mean())
    if settings.strength != 1:
        entry = entry | {"strength": settings.strength}
    if settings.only:
        entry = entry | {"only": list(settings.only)}
    edit.subject = before.edited(after.params.expression, after.w, after.texture, entry)


def _scaled(
    before: Subject, after: Subject, plan: list[Target], scene: Scene, strength: float
) -> Subject:
    """`strength` times as far from before as after is."""
    if strength == 1:
        return after

    def along(first: Tensor, second: Tensor) -> Tensor:
        return first + strength * (second - first)

    params, w = before.params, along(before.w, after.w)
    expression = along(params.expression, after.params.expression)
    if any(stage.regions for stage in plan):
        texture = along(before.texture, after.texture)
    else:
        with torch.no_grad():
            easel = Easel(scene.generator, scene.head, [before], plan[:1], scene.aim.resolution)
            texture = easel.paint(w)
    return replace(before, params=params.with_expression(expression), w=w, texture=texture)


class Bout:
    """Some edits that are optimised together, each with mappers of its own."""

    def __init__(
        self,
        scene: Scene,
        people: list[Subject],
        targets: list[Target],
        seeds: list[int],
        settings: EditSettings,
    ) -> None:
        self.scene, self.people, self.targets, self.settings = scene, people, targets, settings
        self.goal = goal(scene, targets)
        self.easel = Easel(scene.generator, scene.head, people, targets, scene.aim.resolution)
        self.params = _together([person.params for person in people])
        by_code = "code-input" not in settings.without
        self.mappers = MapperSet(len(people), scene.generator, scene.head, seeds, by_code)
        if "pretraining" not in settings.without:
            self.mappers.begin_at(*self._start())
        self.chance = random.Random(seeds[0])
        self.before: Tensor | None = None
        self.best: list[tuple[float, Tensor, Tensor]] = []

    @torch.no_grad()
    def _start(self) -> tuple[Tensor, Tensor]:
        """Offsets of codes (B, L, w_dim) and expressions (B, E) before the first step."""
        w, aimed, scene = self.easel.w, self.goal, self.scene
        offset, mood = aimed.offset[:, None].expand_as(w), aimed.mood
        mapper = scene.mapper
        if mapper is None and not self.settings.steps:  # steps find better what it would add
            mapper = scene.embedded_mapper
        if self.settings.near and mapper is not None:
            moved, change = mapper(w, aimed)
            offset, mood = offset + moved, mood + change
        return offset, mood

    def run(self, steps: int, edits: list[int], watch: Watch | None) -> list[Edit]:
        """Optimise; one Edit for each, its subject without history."""
        settings = self.settings
        optimizer = None
        similarity: list[list[float]] = [[] for _ in self.people]
        interrupted = False
        try:
            for step in range(steps):
                if optimizer is None:
                    rates = settings.texture_rate, settings.expression_rate
                    optimizer = self.mappers.optimizer(*rates)
                loss, similar = self._step(optimizer, *self._shots())
                for past, now in zip(similarity, similar, strict=True):
                    past.append(now)
                if watch:
                    stage = " | ".join(t.prompt for t in self.targets)
                    moment = Moment(step + 1, steps, edits, stage, loss, similar, self._subjects)
                    watch(moment)
                if all(_settled(past, settings.settle) for past in similarity):
                    break
        except KeyboardInterrupt:
            interrupted = True
        subjects = self._subjects(best=interrupted)
        return [
            Edit(subject, 0.0, past[-1] if past else 0.0, past, interrupted)
            for subject, past in zip(subjects, similarity, strict=True)
        ]

    @torch.no_grad()
    def _shots(self) -> tuple[Tensor, Shots]:
        """How the people look at the start from some sides (B, V, D), and these sides."""
        if self.scene.augments:
            shots = Shots.drawn(self.settings.views, self.chance)
            return self._seen(shots), shots
        if self.before is None:
            self.before = self._seen(Shots.plain(list(range(len(VIEWS)))))
        views = sorted(self.chance.sample(range(len(VIEWS)), self.settings.views))
        return self.before[:, views], Shots.plain(views)

    def _step(
        self, optimizer: torch.optim.Optimizer, before: Tensor, shots: Shots
    ) -> tuple[list[float], list[float]]:
        w, expression = self._moved()
        texture = self._sketched(w)
        after = self.scene.look(self.params, texture, expression, shots)
        change = Change(
            before,
            after,
            w - self.easel.w,
            expression - self.params.expression,
            texture - self.easel.coarse,
        )
        loss = self.scene.loss(self.goal, change)
        optimizer.zero_grad(set_to_none=True)
        loss.sum().backward()
        self._remember(loss.tolist(), w.detach(), expression.detach())
        optimizer.step()
        return loss.tolist(), self.scene.similarity(self.goal, before, after.detach()).tolist()

    def _moved(self) -> tuple[Tensor, Tensor]:
        """Codes and expressions as the mappers have them now."""
        moved, expression = self.mappers(self.easel.w, self.params.expression)
        if self.settings.change == "expression":
            moved = torch.zeros_like(moved)
        change = within_reach(self.scene.head, self.goal.expressive[:, None] * expression)
        return self.easel.w + moved, self.params.expression + change

    def _sketched(self, w: Tensor) -> Tensor:
        return self.easel.coarse if self.settings.change == "expression" else self.easel.sketch(w)

    def _painted(self, w: Tensor) -> Tensor:
        return self.easel.texture if self.settings.change == "expression" else self.easel.paint(w)

    def _seen(self, shots: Shots) -> Tensor:
        """Embeddings of the people as they came."""
        return self.scene.look(self.params, self.easel.coarse, self.params.expression, shots)

    def _remember(self, loss: list[float], w: Tensor, expression: Tensor) -> None:
        now = list(zip(loss, w, expression, strict=True))
        pairs = zip(self.best or now, now, strict=True)
        self.best = [min(pair, key=lambda state: state[0]) for pair in pairs]

    @torch.no_grad()
    def _subjects(self, best: bool = False) -> list[Subject]:
        """The heads as they are now, or at the lowest loss so far."""
        w, expression = self._moved()
        if best and self.best:
            w = torch.stack([state[1] for state in self.best])
            expression = torch.stack([state[2] for state in self.best])
        texture, codes = self._painted(w), self.easel.kept_codes(w)
        return [
            replace(
                person,
                params=person.params.with_expression(expression[k : k + 1]),
                w=codes[k : k + 1],
                texture=texture[k : k + 1],
            )
            for k, person in enumerate(self.people)
        ]


def within_reach(head: HeadModel, change: Tensor) -> Tensor:
    """Changes of expression (B, E), each scaled down until no vertex moves more than FURTHEST."""
    moved = (change @ head.basis[head.shape_size :]).unflatten(1, (3, -1))  # planes x, y, z
    furthest = moved.square().sum(1).amax(1, keepdim=True).clamp_min(FURTHEST**2).sqrt()
    return change * (FURTHEST / furthest)


def _together(params: list[HeadParams]) -> HeadParams:
    """One batch of several heads."""
    names = ["shape", "expression", "pose"]
    if params[0].displacement is not None:
        names.append("displacement")
    return HeadParams(**{name: torch.cat([getattr(p, name) for p in params]) for name in names})


def _settled(similarity: list[float], least: float) -> bool:
    """Whether the last steps' mean similarity is hardly above that of the steps before."""
    if not least or len(similarity) < max(_LEAST, 2 * _SPAN):
        return False
    last, before = similarity[-_SPAN:], similarity[-2 * _SPAN : -_SPAN]
    return (sum(last) - sum(before)) / _SPAN < least * _SPAN
