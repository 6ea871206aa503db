"""Draw docs/prompts.jpg: the paper's prompts on five sampled heads, with scores on the terminal.

    python tools/prompt_sheet.py

Scores are directional similarities (the cosine of eq. 7, mean over five views) to the evaluator, an
embedded model that guides no edit. `clipface compare --ablations default` measures the method's
parts.
"""

import statistics
from collections.abc import Sequence
from pathlib import Path

from paper_study import score
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import contact_sheet
from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import DEFAULT, EditModels, EditSettings, edit_meshes
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
SEEDS = (7, 16, 17, 4, 11)
SIZE = 192


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


if __name__ == "__main__":
    Study().sheet()
