"""Scores of preset `paper` after 500, 2,000 and 5,000 steps, beside preset `default`.

    python tools/paper_study.py [--prompt zombie] [--seed 7] [--steps 500 2000 5000] [-o DIR]

One run is scored at each number of steps: rates are constant, so the state after 500 steps is that
of a run of 500. Prints and writes (study.json, study.png) the gain by the guidance and by a
held-out evaluator, the change of codes and expressions, and the gradient of every level.
"""

from __future__ import annotations

import argparse
import json
import random
import time
from dataclasses import replace
from itertools import repeat
from pathlib import Path

import torch

from clipface_cli.artifacts import contact_sheet, save_image
from clipface_cli.avatar import Subject, sample_subject, save_subject
from clipface_cli.edit import DEFAULT, PAPER, EditModels, EditSettings, PromptReader, edit_meshes
from clipface_cli.edit.edit import SCORED_YAWS, BatchedEdit
from clipface_cli.edit.optimize import Heads, Objective
from clipface_cli.edit.stages import StageBatch
from clipface_cli.edit.views import ViewSampler, fixed_views
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portraits
from clipface_cli.texture import Generator

SIZE = 384  # pixels of a portrait
SCORE = replace(DEFAULT, prompt_parts=False, target_length=False, initialization=(), resolution=160)


def score(models: EditModels, before: Subject, after: Subject, prompt: str) -> float:
    """Mean cosine of eq. 7 over five views, embeddings as they are."""
    stage = StageBatch.of(models, SCORE, PromptReader(models, before, SCORE).stages(prompt, 0))
    views, objective = fixed_views(SCORED_YAWS, models.device), Objective(models, SCORE)
    heads = [Heads(s.params, s.w, s.texture) for s in (after, before)]
    with torch.no_grad():
        return float(objective.similarity(stage, *(objective.embed(h, views) for h in heads)))


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--prompt", default="zombie")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--steps", type=int, nargs="+", default=[500, 2000, 5000])
    parser.add_argument("-o", "--output", type=Path, default=Path("paper-study"))
    options = parser.parse_args()
    options.output.mkdir(parents=True, exist_ok=True)
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    guided, evaluated = (
        EditModels(head, generator, load_guidance(name)) for name in ("builtin", "evaluator")
    )
    person = sample_subject(head, generator, options.seed)
    rows: dict[str, dict[str, object]] = {}
    shown = {"before": person}

    def add(name: str, edited: Subject, seconds: float) -> None:
        shown[name] = edited
        rows[name] = {
            "guidance": round(score(guided, person, edited, options.prompt), 3),
            "evaluator": round(score(evaluated, person, edited, options.prompt), 3),
            "code_change": round(float((edited.w - person.w).norm(dim=2).mean()), 4),
            "code": round(float(person.w.norm(dim=2).mean()), 3),
            "expression": round(float(edited.params.expression.norm()), 4),
            "seconds": round(seconds),
        }
        print(name, rows[name], flush=True)
        save_subject(options.output / f"{name.replace(' ', '-')}.obj", edited, head)
        pictures = [
            portraits(head, head.pose_head(s.params)[0], s.texture[0], resolution=SIZE)
            for s in shown.values()
        ]
        sheet = contact_sheet([list(row) for row in zip(*pictures, strict=True)], list(shown))
        save_image(options.output / "study.png", sheet)
        text = json.dumps({"prompt": options.prompt, "rows": rows, **levels}, indent=2)
        (options.output / "study.json").write_text(text + "\n")

    levels: dict[str, object] = {}
    for name, steps in (("default, no steps", 0), ("default", DEFAULT.steps)):
        start = time.perf_counter()
        settings = replace(DEFAULT, steps=steps)
        edited = edit_meshes(person, [(options.prompt, 0)], guided, settings)[0].subject
        add(name, edited, time.perf_counter() - start)
    paper = optimisation(guided, person, options.prompt, max(options.steps))
    start = time.perf_counter()
    for step, batch in enumerate(paper, 1):
        if step == 2:  # the first step has no image direction yet
            gradients = batch.mappers.texture.layers[-1].weight.grad
            assert gradients is not None
            levels["gradient_by_level"] = [float(f"{g.norm():.3g}") for g in gradients]
        if step in options.steps:
            add(f"paper {step}", batch._subjects()[0], time.perf_counter() - start)


def optimisation(models: EditModels, person: Subject, prompt: str, steps: int):
    """Yields after every step of preset `paper`."""
    settings: EditSettings = replace(PAPER, steps=steps)
    stages = PromptReader(models, person, settings).stages(prompt, 0)
    batch = BatchedEdit(models, [person], stages, [0], settings)
    views = ViewSampler(settings, repeat(random.Random(0), steps), models.device)
    optimizer = batch.mappers.optimizer(settings.texture_rate, settings.expression_rate)
    for step in range(steps):
        batch.step(optimizer, views[step])
        yield batch


if __name__ == "__main__":
    main()
