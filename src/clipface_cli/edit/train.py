"""Train mappers on many heads, for one prompt or for many, so that they edit any in one pass."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.edit.edit import Moment, Watch, within_reach
from clipface_cli.edit.painting import sketch_size
from clipface_cli.edit.pair import Mappers
from clipface_cli.edit.prompt_mapper import FILE, PromptMapper
from clipface_cli.edit.scene import VIEWS, Change, Goal, Scene, Shots
from clipface_cli.edit.settings import Aim, EditSettings
from clipface_cli.edit.shapes import shapes_painted
from clipface_cli.edit.subject import Subject, sample_subject
from clipface_cli.edit.target import Planner, Target, goal
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import Generator, fast_autocast

Edited = tuple[Tensor, Tensor]  # codes (B, L, w_dim) and expressions (B, E)


@dataclass(frozen=True)
class MapperSettings:
    """How to train mappers; heads: how many random heads a step sees.

    A prompt mapper has one rate for all, `texture_rate`.
    """

    steps: int = 1000
    texture_rate: float = 1e-2
    expression_rate: float = 2e-2
    heads: int = 1
    texture_only: bool = False
    seed: int = 0
    aim: Aim = field(default_factory=Aim)


PROMPTED = MapperSettings(steps=3500, texture_rate=1e-3, heads=4)


def train_mapper(
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    out: Path,
    settings: MapperSettings = MapperSettings(),
    watch: Watch | None = None,
) -> Mappers:
    """Optimise the mappers of one prompt; writes them and metrics.csv into `out`.

    All that the prompt asks for is learned at once, over the whole texture.
    """
    scene = Scene(head, generator, guidance, settings.aim)
    plan = _planner(scene, settings).whole(prompt, settings.seed)
    mappers = Mappers.fresh(generator, head, plan.expressive, settings.seed)
    mappers.begin_at(plan.offset, plan.mood)
    optimizer = mappers.optimizer(settings.texture_rate, settings.expression_rate)

    def edited(w: Tensor, expression: Tensor, _: Goal) -> Edited:
        return mappers(w, expression)

    _learn(scene, lambda chance: plan, edited, optimizer, out, settings, watch)
    mappers.save(out, prompt)
    return mappers


def train_prompt_mapper(
    prompts: Sequence[str],
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    out: Path,
    settings: MapperSettings = PROMPTED,
    watch: Watch | None = None,
) -> PromptMapper:
    """Optimise one mapper for all prompts, and others; writes it and metrics.csv into `out`."""
    scene = Scene(head, generator, guidance, settings.aim)
    planner = _planner(scene, settings)
    plans: dict[str, Target] = {}
    mapper = PromptMapper.fresh(scene, settings.seed)
    optimizer = torch.optim.Adam(mapper.parameters(), settings.texture_rate)

    def plan(chance: random.Random) -> Target:
        prompt = chance.choice(prompts)
        if prompt not in plans:
            plans[prompt] = planner.whole(prompt, 0)
        return plans[prompt]

    def edited(w: Tensor, expression: Tensor, aimed: Goal) -> Edited:
        moved, change = mapper(w, aimed)
        change = within_reach(head, aimed.expressive[:, None] * (aimed.mood + change))
        return w + aimed.offset[:, None] + moved, expression + change

    _learn(scene, plan, edited, optimizer, out, settings, watch)
    mapper.save(out / FILE)
    return mapper


def _planner(scene: Scene, settings: MapperSettings) -> Planner:
    """Plans for the mean head, which serve for all."""
    anybody = sample_subject(scene.head, scene.generator, 0, truncation=0.0)
    change = EditSettings(change="texture" if settings.texture_only else "both")
    return Planner(scene, anybody, change)


def _learn(
    scene: Scene,
    plan: Callable[[random.Random], Target],
    edited: Callable[[Tensor, Tensor, Goal], Edited],
    optimizer: torch.optim.Optimizer,
    out: Path,
    settings: MapperSettings,
    watch: Watch | None,
) -> None:
    """Edit random heads, each towards a plan, and descend; rates fall to zero along a cosine."""
    chance, generator = random.Random(settings.seed), scene.generator
    size = sketch_size(generator.resolution, scene.aim.resolution)
    cooling = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(settings.steps, 1))

    def sketch(w: Tensor) -> Tensor:
        with fast_autocast(w.device):
            made: Tensor = generator.synthesis(w, resolution=size)
        return made.float()

    out.mkdir(parents=True, exist_ok=True)
    with (out / "metrics.csv").open("w", newline="", encoding="utf-8") as file:
        log = csv.writer(file)
        log.writerow(["step", "loss", "similarity"])
        for step in range(settings.steps):
            targets = [plan(chance) for _ in range(settings.heads)]
            aimed, shots = goal(scene, targets), _shots(scene, chance)
            with torch.no_grad():
                params, start = _people(scene, settings.heads, chance.getrandbits(48))
                plain = sketch(start)
                before = scene.look(params, plain, params.expression, shots)
            w, expression = edited(start, params.expression, aimed)
            texture = sketch(w)
            after = scene.look(params, texture, expression, shots)
            change = expression - params.expression
            moved = Change(before, after, w - start, change, texture - plain)
            loss = scene.loss(aimed, moved).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            cooling.step()
            similarity = float(scene.similarity(aimed, before, after.detach()).mean())
            log.writerow([step + 1, f"{loss.item():.5f}", f"{similarity:.5f}"])
            if watch:
                done = step + 1, settings.steps
                prompts = " | ".join(target.prompt for target in targets)
                watch(Moment(*done, [0], prompts, [loss.item()], [similarity], list))


def _people(scene: Scene, count: int, seed: int) -> tuple[HeadParams, Tensor]:
    """Codes of random people and shapes that go with them, all with a neutral expression."""
    head, generator, chance = scene.head, scene.generator, torch.Generator().manual_seed(seed)
    params = HeadParams.neutral(count, head.shape_size, head.expression_size)
    shapes = torch.randn(count, head.shape_size, generator=chance)
    z = torch.randn(count, generator.z_dim, generator=chance)
    params.shape = shapes_painted(head, generator, z, shapes)
    return params, generator.mapping(z)


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
