"""How good edits are in the eyes of the model that did not guide them.

    python tools/prompt_study.py sheet       # docs/prompts.jpg: the paper's prompts on five heads
    python tools/prompt_study.py ablations   # a table: the full method, and without each part
    python tools/prompt_study.py held-out    # a single pass against 300 steps, on new prompts

A gain is the cosine between the change of a head's renders and the prompt's direction, both as the
judge sees them (paper eq. 7); it is 0 where nothing changes.
"""

import argparse
import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import contact_sheet
from clipface_cli.edit import EditSettings, Subject, edit_meshes, sample_subject
from clipface_cli.edit.scene import Scene
from clipface_cli.guidance import Guidance, load_guidance, text_direction
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.render.portrait import portrait
from clipface_cli.texture import Generator

SHEET = Path(__file__).parents[1] / "docs/prompts.jpg"
LOOKS = [
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
MOODS = [
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
TURNS = (-20.0, 0.0, 20.0)
ABLATIONS = {
    "full method": (),
    "no pre-training": ("pretraining",),
    "no direction": ("direction",),
    "psi_init conditioning": ("code-input",),
    "no regulariser": ("prior",),
}


class Judge:
    """Gains as the model sees them."""

    def __init__(self, head: HeadModel, model: Guidance) -> None:
        self.head, self.model = head, model
        self.renderer = Renderer(head, 160)

    @torch.no_grad()
    def gain(self, before: Subject, after: Subject, prompt: str) -> float:
        """Mean over three views of the cosine of equation 7."""
        moved = self._seen(after) - self._seen(before)
        wanted = text_direction(self.model, prompt)
        return float(torch.cosine_similarity(moved, wanted, dim=1).mean())

    def _seen(self, subject: Subject) -> Tensor:
        vertices = self.head.pose_head(subject.params).expand(len(TURNS), -1, -1).contiguous()
        texture = subject.texture.expand(len(TURNS), -1, -1, -1)
        image, _ = self.renderer(vertices, texture, Camera.turned(TURNS))
        return self.model.encode_image(image)


class Study:
    """Heads, the guide and the judge."""

    def __init__(self) -> None:
        self.head, self.generator = HeadModel.load("builtin"), Generator.load("builtin")
        self.guide = load_guidance("builtin")
        self.judge = Judge(self.head, load_guidance("judge"))

    def person(self, seed: int) -> Subject:
        """A sampled head."""
        return sample_subject(self.head, self.generator, seed)

    def edited(
        self, person: Subject, prompts: Sequence[str], settings: EditSettings
    ) -> list[Subject]:
        """The person after each prompt."""
        scene = Scene(self.head, self.generator, self.guide, settings.judged)
        edits = edit_meshes(person, [(prompt, 0) for prompt in prompts], scene, settings)
        return [edit.subject for edit in edits]

    def gains(self, person: Subject, prompts: Sequence[str], settings: EditSettings) -> list[float]:
        """The judge's gain of each prompt."""
        edits = zip(self.edited(person, prompts, settings), prompts, strict=True)
        return [self.judge.gain(person, edit, prompt) for edit, prompt in edits]

    def sheet(self) -> None:
        """Draw the paper's prompts on five heads; print gains and how the meshes moved."""
        prompts = [*LOOKS, *MOODS]
        gains: dict[str, list[float]] = {prompt: [] for prompt in prompts}
        furthest = 0.0
        rows = []
        for seed in SEEDS:
            person = self.person(seed)
            start = self.head.pose_head(person.params)[0]
            row = [portrait(self.head, start, person.texture[0], resolution=SIZE)]
            for prompt, edit in zip(
                prompts, self.edited(person, prompts, EditSettings()), strict=True
            ):
                vertices = self.head.pose_head(edit.params)[0]
                moved = vertices - start
                furthest = max(furthest, float(moved.norm(dim=1).max()))
                gains[prompt].append(self.judge.gain(person, edit, prompt))
                if prompt in ("Laughing", "Angry"):
                    print(f"seed {seed} {prompt}: {self.movement(moved)}", flush=True)
                row.append(portrait(self.head, vertices, edit.texture[0], resolution=SIZE))
            rows.append(row)
        half = len(LOOKS) + 1
        top = contact_sheet([row[:half] for row in rows], ["sampled", *LOOKS])
        bottom = contact_sheet([[row[0], *row[half:]] for row in rows], ["sampled", *MOODS])
        image = Image.new("RGB", (top.shape[1], top.shape[0] + bottom.shape[0]))
        image.paste(Image.fromarray(top))
        image.paste(Image.fromarray(bottom), (0, top.shape[0]))
        image.save(SHEET, quality=80)
        for prompt, values in gains.items():
            print(f"{prompt:14} {statistics.mean(values):+.3f}")
        print(f"no vertex moved more than {1000 * furthest:.1f} mm")

    def movement(self, moved: Tensor) -> str:
        """Rise of mouth corners and inner brows, opening of the lips, in millimetres."""
        rows, weights = self.head.landmarks["mediapipe"]
        points = (moved[rows] * weights[..., None]).sum(1) * 1000
        corners, brows = points[[61, 291], 1].mean(), points[[55, 285], 1].mean()
        opening = points[13, 1] - points[14, 1]
        return f"corners {corners:+.1f}, inner brows {brows:+.1f}, lips open {opening:+.1f} mm"

    def ablations(self) -> None:
        """Print the mean gain of the full method and without each part."""
        prompts = [*LOOKS, *MOODS]
        people = [self.person(seed) for seed in SEEDS[:2]]
        print("| | looks | moods | all |\n|---|---|---|---|")
        for name, without in ABLATIONS.items():
            settings = replace(EditSettings(), without=without)
            values = torch.tensor([self.gains(p, prompts, settings) for p in people]).mean(0)
            looks, moods = values[: len(LOOKS)].mean(), values[len(LOOKS) :].mean()
            print(f"| {name} | {looks:.3f} | {moods:.3f} | {values.mean():.3f} |", flush=True)

    def held_out(self) -> None:
        """Print the gain of a single pass and of 300 steps for prompts like no training caption."""
        people = [self.person(seed) for seed in SEEDS[:1]]
        runs = {}
        for steps in (0, 300):
            settings = replace(EditSettings(), steps=steps, settle=0.0)
            values = [self.gains(person, HELD_OUT, settings) for person in people]
            runs[steps] = torch.tensor(values).mean(0)
        for prompt, one, many in zip(HELD_OUT, runs[0], runs[300], strict=True):
            print(f"{prompt:36} {one:+.3f} of {many:+.3f}")
        print(f"single pass: {float(runs[0].mean() / runs[300].mean()):.0%} of 300 steps' gain")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=["sheet", "ablations", "held-out"])
    part = parser.parse_args().part
    getattr(Study(), part.replace("-", "_"))()


if __name__ == "__main__":
    main()
