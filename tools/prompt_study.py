"""Scores of edits by a held-out evaluator.

    python tools/prompt_study.py sheet       # docs/prompts.jpg: the paper's prompts on five heads
    python tools/prompt_study.py ablations   # a table: the full method, and without each part
    python tools/prompt_study.py ablations direction regularizer     # without these alone
    python tools/prompt_study.py held-out    # a single pass against 300 steps, on new prompts

The evaluator is a second embedded model, which guides no edit. Scores are directional similarities
to it (the cosine of eq. 7, mean over five views); 0 where nothing changes.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from paper_study import score
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import contact_sheet
from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import ABLATIONS, DEFAULT, EditModels, EditSettings, ablated, edit_meshes
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portrait
from clipface_cli.texture import Generator

SHEET = Path(__file__).parents[1] / "docs/prompts.jpg"
APPEARANCES = [
    "Mona Lisa",
    "Werewolf",
    "Barbie Doll",
    "Ghost",
    "Witcher",
    "Dracula",
    "Zombie",
    "Party Makeup",
    "Gothic Makeup",
    "White Walker",
]
EXPRESSIONS = [
    "Angry",
    "Happy",
    "Sad",
    "Laughing",
    "Surprised",
    "Disgusted",
    "Sleepy",
    "Afraid",
    "Kissing",
    "Winking",
]
HELD_OUT = (
    "old zombie woman with red lips",
    "frightened ghost",
    "sad clown with black lips",
    "smiling vampire with grey hair",
    "angry old man with a beard",
    "bald woman with freckles",
    "laughing statue",
    "winking robot",
    "tired corpse",
    "sulking child with ginger hair",
    "elderly lady with purple eyeshadow",
    "grinning devil",
)
SEEDS = (7, 16, 17, 4, 11)
SIZE = 192
SINGLE_PASS = ("prompt-mapper",)  # initialisations that an edit with steps does not use


class Study:
    """Heads, the guidance and the evaluator."""

    def __init__(self) -> None:
        self.head, self.generator = HeadModel.load("builtin"), Generator.load("builtin")
        self.models, self.evaluator = (
            EditModels(self.head, self.generator, load_guidance(name))
            for name in ("builtin", "evaluator")
        )

    def person(self, seed: int) -> Subject:
        """A sampled head."""
        return sample_subject(self.head, self.generator, seed)

    def edited(
        self, person: Subject, prompts: Sequence[str], settings: EditSettings
    ) -> list[Subject]:
        """The person after each prompt."""
        edits = edit_meshes(person, [(prompt, 0) for prompt in prompts], self.models, settings)
        return [edit.subject for edit in edits]

    def scores(
        self, person: Subject, prompts: Sequence[str], settings: EditSettings
    ) -> list[float]:
        """The evaluator's score of each prompt."""
        edits = zip(self.edited(person, prompts, settings), prompts, strict=True)
        return [score(self.evaluator, person, edit, prompt) for edit, prompt in edits]

    def sheet(self) -> None:
        """Draw the paper's prompts on five heads; print scores and the meshes' movements."""
        prompts = [*APPEARANCES, *EXPRESSIONS]
        scores: dict[str, list[float]] = {prompt: [] for prompt in prompts}
        furthest = 0.0
        rows = []
        for seed in SEEDS:
            person = self.person(seed)
            start = self.head.pose_head(person.params)[0]
            row = [portrait(self.head, start, person.texture[0], resolution=SIZE)]
            edits = self.edited(person, prompts, DEFAULT)
            for prompt, edit in zip(prompts, edits, strict=True):
                vertices = self.head.pose_head(edit.params)[0]
                moved = vertices - start
                furthest = max(furthest, float(moved.norm(dim=1).max()))
                scores[prompt].append(score(self.evaluator, person, edit, prompt))
                if prompt in ("Laughing", "Angry"):
                    print(f"seed {seed} {prompt}: {self.movement(moved)}", flush=True)
                row.append(portrait(self.head, vertices, edit.texture[0], resolution=SIZE))
            rows.append(row)
        half = len(APPEARANCES) + 1
        top = contact_sheet([row[:half] for row in rows], ["sampled", *APPEARANCES])
        bottom = contact_sheet([[row[0], *row[half:]] for row in rows], ["sampled", *EXPRESSIONS])
        image = Image.new("RGB", (top.shape[1], top.shape[0] + bottom.shape[0]))
        image.paste(Image.fromarray(top))
        image.paste(Image.fromarray(bottom), (0, top.shape[0]))
        image.save(SHEET, quality=80)
        for prompt, values in scores.items():
            print(f"{prompt:14} {statistics.mean(values):+.3f}")
        print(f"no vertex moved more than {1000 * furthest:.1f} mm")

    def movement(self, moved: Tensor) -> str:
        """Rise of mouth corners and inner brows, opening of the lips, in millimetres."""
        rows, weights = self.head.landmarks["mediapipe"]
        points = (moved[rows] * weights[..., None]).sum(1) * 1000
        corners, brows = points[[61, 291], 1].mean(), points[[55, 285], 1].mean()
        opening = points[13, 1] - points[14, 1]
        return f"corners {corners:+.1f}, inner brows {brows:+.1f}, lips open {opening:+.1f} mm"

    def ablations(self, names: Sequence[str], heads: int, count: int) -> None:
        """Print the mean score of the full method and without each part that it has."""
        appearances, expressions = APPEARANCES[:count], EXPRESSIONS[:count]
        prompts = [*appearances, *expressions]
        people = [self.person(seed) for seed in SEEDS[:heads]]
        present = [name for name, without in ABLATIONS.items() if without(DEFAULT) != DEFAULT]
        rows = {"full method": DEFAULT} | {
            f"without {name}": ablated(DEFAULT, (name,))
            for name in names or present
            if name not in SINGLE_PASS
        }
        print("| | appearances | expressions | all |\n|---|---|---|---|")
        for name, settings in rows.items():
            values = torch.tensor([self.scores(p, prompts, settings) for p in people]).mean(0)
            parts = (*values.split(len(prompts) // 2), values)
            means = (f"{part.mean():.3f}" for part in parts)
            print(f"| {name} | {' | '.join(means)} |", flush=True)

    def held_out(self) -> None:
        """Print the scores of a single pass and of 300 steps for prompts unlike any caption."""
        people = [self.person(seed) for seed in SEEDS[:1]]
        runs = {}
        for steps in (0, 300):
            settings = replace(DEFAULT, steps=steps, early_stop=0.0)
            values = [self.scores(person, HELD_OUT, settings) for person in people]
            runs[steps] = torch.tensor(values).mean(0)
        for prompt, one, many in zip(HELD_OUT, runs[0], runs[300], strict=True):
            print(f"{prompt:36} {one:+.3f} of {many:+.3f}")
        share = float(runs[0].mean() / runs[300].mean())
        print(f"a single pass: {share:.0%} of the score of 300 steps")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["sheet", "ablations", "held-out"])
    parser.add_argument("names", nargs="*", metavar="NAME", help="of ablations; all by default")
    parser.add_argument("--heads", type=int, default=2, help="of ablations")
    parser.add_argument("--prompts", type=int, default=10, help="of ablations, of either kind")
    options, study = parser.parse_args(), Study()
    if options.part == "ablations":
        study.ablations(options.names, options.heads, options.prompts)
    else:
        getattr(study, options.part.replace("-", "_"))()


if __name__ == "__main__":
    main()
