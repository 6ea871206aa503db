"""Train mappers for one prompt on many heads, so that they edit any head in one pass."""

from __future__ import annotations

import csv
import random
from dataclasses import dataclass, field
from pathlib import Path

import torch

from clipface_cli.edit.edit import Moment, Watch
from clipface_cli.edit.pair import Mappers
from clipface_cli.edit.scene import VIEWS, Change, Scene, Shots
from clipface_cli.edit.settings import Aim, EditSettings
from clipface_cli.edit.subject import Subject, sample_subject
from clipface_cli.edit.target import Planner, goal
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@dataclass(frozen=True)
class MapperSettings:
    """How to train mappers for a prompt."""

    steps: int = 1000
    texture_rate: float = 1e-2
    expression_rate: float = 2e-2
    texture_only: bool = False
    seed: int = 0
    aim: Aim = field(default_factory=Aim)


def train_mapper(
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    out: Path,
    settings: MapperSettings = MapperSettings(),
    watch: Watch | None = None,
) -> Mappers:
    """Optimise mappers on a random head a step; writes them and metrics.csv into `out`.

    All that the prompt asks for is learned at once, over the whole texture.
    """
    scene = Scene(head, generator, guidance, settings.aim)
    anybody = sample_subject(head, generator, 0, truncation=0.0)
    allowed = EditSettings(change="texture" if settings.texture_only else "both")
    plan = Planner(scene, anybody, allowed).whole(prompt, settings.seed)
    aimed = goal(scene, [plan])
    mappers = Mappers.fresh(generator, head, plan.expressive, settings.seed)
    mappers.begin_at(plan.offset, plan.mood)
    optimizer = mappers.optimizer(settings.texture_rate, settings.expression_rate)
    chance = random.Random(settings.seed)
    out.mkdir(parents=True, exist_ok=True)
    with (out / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "loss", "similarity"])
        for step in range(settings.steps):
            person = sample_subject(head, generator, chance.getrandbits(48), truncation=1.0)
            shots = _shots(scene, chance)
            with torch.no_grad():
                before = scene.look(person.params, person.texture, person.params.expression, shots)
            w, expression = mappers(person.w, person.params.expression)
            texture = generator.synthesis(w)
            after = scene.look(person.params, texture, expression, shots)
            moved = Change(
                before,
                after,
                w - person.w,
                expression - person.params.expression,
                texture - person.texture,
            )
            loss = scene.loss(aimed, moved).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            similarity = float(scene.similarity(aimed, before, after.detach()))
            log.writerow([step + 1, f"{loss.item():.5f}", f"{similarity:.5f}"])
            if watch:
                done = step + 1, settings.steps
                watch(Moment(*done, [0], prompt, [loss.item()], [similarity], list))
    mappers.save(out, prompt)
    return mappers


def _shots(scene: Scene, chance: random.Random) -> Shots:
    """One view, as the scene wants it."""
    if scene.augments:
        return Shots.drawn(1, chance)
    return Shots.plain([chance.randrange(len(VIEWS))])


def apply_mappers(subject: Subject, mappers: Mappers, generator: Generator, name: str) -> Subject:
    """One forward pass of trained mappers; `name` enters the history as the prompt."""
    levels, _, width = mappers.texture.get_parameter("layers.0.weight").shape
    if levels not in (1, generator.num_ws) or width != generator.w_dim:
        raise InputError("These mappers were trained for another generator.")
    known = subject.params.expression.shape[1]
    if mappers.expression is not None and mappers.expression.size != known:
        raise InputError(
            f"These mappers change {mappers.expression.size} expression coefficients, this head "
            f"has {known}; give the head they were trained for."
        )
    with torch.no_grad():
        w, expression = mappers(subject.w, subject.params.expression)
        entry = {"prompt": name, "mapper": True}
        return subject.edited(expression, w, generator.synthesis(w), entry)
