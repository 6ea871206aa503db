"""Edit one textured head towards a prompt (paper section 3.2, equations 2-9)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import torch

from clipface_cli.edit.subject import Subject
from clipface_cli.edit.task import VIEWS, Aim, Judge
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

Progress = Callable[[int, int, float], None]  # step, steps, directional similarity


@dataclass(frozen=True)
class EditSettings:
    """How to optimise the mappers."""

    steps: int = 50
    texture_rate: float = 5e-2
    expression_rate: float = 0.3
    views: int = 2  # renders a step
    texture_only: bool = False
    seed: int = 0
    aim: Aim = field(default_factory=Aim)


@dataclass
class Edit:
    """The edited head; directional similarity (equation 7's cosine) before, after, by step."""

    subject: Subject
    start: float
    end: float
    similarity: list[float] = field(default_factory=list)


def edit_mesh(
    subject: Subject,
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    settings: EditSettings = EditSettings(),
    progress: Progress | None = None,
) -> Edit:
    """Optimise fresh mappers for this head and prompt; shape and pose stay as they are.

    Raises InputError when the prompt is empty or the subject's code is another generator's.
    """
    if not prompt.strip():
        raise InputError("The prompt is empty; say what the face should look like.")
    if subject.w.shape[1:] != (generator.num_ws, generator.w_dim):
        raise InputError("The mesh was made by another generator; give the one that made it.")
    expressive = not settings.texture_only
    judge = Judge(prompt, subject, head, generator, guidance, settings.aim, expressive)
    mappers = judge.fresh_mappers(settings.seed)
    optimizer = mappers.optimizer(settings.texture_rate, settings.expression_rate)
    chance = random.Random(settings.seed)
    params, everywhere = subject.params, list(range(len(VIEWS)))
    with torch.no_grad():
        start = generator.synthesis(subject.w)
        before = judge.look(params, start, params.expression, everywhere)
    similarity = []
    for step in range(settings.steps):
        views = sorted(chance.sample(everywhere, settings.views))
        loss, similar = judge.assess(mappers, subject, before[views], views)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        similarity.append(similar)
        if progress:
            progress(step + 1, settings.steps, similar)
    with torch.no_grad():
        w, expression = mappers(subject.w, params.expression)
        texture = generator.synthesis(w)
        after = judge.look(params, texture, expression, everywhere)
    entry = {"prompt": prompt, "guidance": guidance.name, "seed": settings.seed}
    edited = subject.edited(expression, w, texture, entry)
    return Edit(
        edited, judge.similarity(before, before), judge.similarity(before, after), similarity
    )
