"""Dynamic against static textures on the shipped sequences, scored by a held-out evaluator.

    python tools/animation_study.py

For two people and every sequence: the mean directional similarity, by the held-out evaluator, over
the frames with an importance above a half, of one texture for all frames, of one with twice the
steps, and of one that begins at the first and changes, with as many steps in all; and how much that
one changes at most between neighbours, of 255.
"""

from dataclasses import replace
from itertools import pairwise, product

import torch

from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import (
    AnimateSettings,
    Animation,
    Clip,
    EditModels,
    PromptReader,
    animate,
    animate_settings,
)
from clipface_cli.edit.animate import Animating
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.head.sequence import from_units
from clipface_cli.synth.sequences import shipped_sequence
from clipface_cli.texture import Generator

PROMPTS = {"laugh": "Laughing", "angry": "Angry", "speech": "zombie", "yawn": "old man"}
SEEDS = (7, 11)


def similarity(
    evaluator: EditModels,
    person: Subject,
    prompt: str,
    settings: AnimateSettings,
    animations: list[Animation],
) -> list[float]:
    """Mean over the frames with an importance above a half, of each animation of one clip."""
    stage = PromptReader(evaluator, person, settings.edit).whole(prompt, 0)
    clip = animations[0].clip
    scorer = Animating(evaluator, stage, person, clip, settings)
    found = []
    for animation in animations:
        scorer.made = animation
        found.append(float(scorer.similarities()[clip.weight > 0.5].mean()))
    return found


def main() -> None:
    """Run it."""
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    models, evaluator = (
        EditModels(head, generator, load_guidance(name)) for name in ("builtin", "evaluator")
    )
    settings = animate_settings("default", models.guidance)
    longer = replace(settings, edit=replace(settings.edit, steps=2 * settings.edit.steps))
    print("| person | sequence, prompt | static | twice the steps | dynamic | largest change |")
    print("|---|---|---|---|---|---|")
    for seed, (name, prompt) in product(SEEDS, PROMPTS.items()):
        person = sample_subject(head, generator, seed)
        sequence = from_units(shipped_sequence(name), head)
        clip = Clip.of(torch.as_tensor(sequence.expression), torch.as_tensor(sequence.pose))
        stage = PromptReader(models, person, settings.edit).whole(prompt, 0)
        static, twice = (
            animate(models, stage, person, clip, each, dynamic=False) for each in (settings, longer)
        )
        made = animate(models, stage, person, clip, settings, static=static)
        textures = [made.texture(generator, frame) for frame in range(len(clip))]
        steps = [float((b - a).abs().mean()) * 127.5 for a, b in pairwise(textures)]
        found = similarity(evaluator, person, prompt, settings, [static, twice, made])
        values = " | ".join(f"{value:.4f}" for value in found)
        print(f"| {seed} | {name}, {prompt} | {values} | {max(steps):.2f} |", flush=True)


if __name__ == "__main__":
    main()
