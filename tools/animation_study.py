"""Dynamic against static textures on the shipped sequences, in the judge's eyes.

    python tools/animation_study.py

For two people and every sequence: the mean directional similarity over the frames that count more
than a half, as the model sees it that did not guide them, of one texture for all frames, of one
with twice the steps, and of one that begins at the first and changes, with as many steps in all;
and how much that one changes at most between neighbours, of 255.
"""

from dataclasses import replace
from itertools import pairwise, product

import torch

from clipface_cli.edit import Scene, sample_subject
from clipface_cli.edit.animate import JUDGED, AnimateSettings, Clip, animate, frame_similarity
from clipface_cli.edit.target import Planner
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.head.sequence import from_units
from clipface_cli.synth.sequences import shipped_sequence
from clipface_cli.texture import Generator

PROMPTS = {"laugh": "Laughing", "angry": "Angry", "speech": "zombie", "yawn": "old man"}
SEEDS = (7, 11)


def main() -> None:
    """Run it."""
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    scene = Scene(head, generator, load_guidance("builtin"), JUDGED.judged)
    judge = Scene(head, generator, load_guidance("judge"), JUDGED.judged)
    print("| person | sequence, prompt | static | twice the steps | dynamic | largest change |")
    print("|---|---|---|---|---|---|")
    for seed, (name, prompt) in product(SEEDS, PROMPTS.items()):
        person = sample_subject(head, generator, seed)
        sequence = from_units(shipped_sequence(name), head)
        clip = Clip.of(torch.as_tensor(sequence.expression), torch.as_tensor(sequence.pose))
        target = Planner(scene, person, JUDGED).whole(prompt, 0)
        asked = Planner(judge, person, JUDGED).whole(prompt, 0)
        counted = clip.weight > 0.5
        static = animate(scene, target, person, clip)
        longer = replace(AnimateSettings(), steps=2 * AnimateSettings.steps)
        compared = [static, animate(scene, target, person, clip, longer)]
        compared.append(made := animate(scene, target, person, clip, static=static))
        seen = [
            float(frame_similarity(each, judge, asked, person)[counted].mean()) for each in compared
        ]
        textures = [made.texture(generator, frame) for frame in range(len(clip))]
        steps = [float((b - a).abs().mean()) * 127.5 for a, b in pairwise(textures)]
        values = " | ".join(f"{value:.4f}" for value in seen)
        print(f"| {seed} | {name}, {prompt} | {values} | {max(steps):.2f} |", flush=True)


if __name__ == "__main__":
    main()
