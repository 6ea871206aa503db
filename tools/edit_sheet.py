"""Draw docs/edits.png: prompts on sampled heads with default settings, and print the scores.

    python tools/edit_sheet.py

Prints one line a prompt: directional similarity at the start and the end for every head.
"""

from __future__ import annotations

from pathlib import Path

from clipface_cli.artifacts import Pixels, contact_sheet, save_image
from clipface_cli.edit import EditSettings, Subject, edit_mesh, sample_subject
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.render.portrait import portrait
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parents[1] / "docs/edits.png"
PROMPTS = ["zombie", "ghost", "laughing", "angry", "red lips", "old man", "Mona Lisa"]
SEEDS = [7, 16, 17]
SIZE = 288


def main() -> None:
    """Write the sheet."""
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    guidance = load_guidance("builtin")

    def picture(subject: Subject) -> Pixels:
        vertices = head.pose_head(subject.params)[0]
        return portrait(head, vertices, subject.texture[0], resolution=SIZE)

    people = [sample_subject(head, generator, seed) for seed in SEEDS]
    rows = [[picture(person)] for person in people]
    for prompt in PROMPTS:
        scores = []
        for person, row in zip(people, rows, strict=True):
            edit = edit_mesh(person, prompt, head, generator, guidance, EditSettings())
            row.append(picture(edit.subject))
            scores.append(f"{edit.start:+.2f} -> {edit.end:+.2f}")
        print(f"{prompt:12s} {'   '.join(scores)}", flush=True)
    save_image(OUTPUT, contact_sheet(rows, columns=["sampled", *PROMPTS]))


if __name__ == "__main__":
    main()
