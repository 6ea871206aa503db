"""Draw docs/edits.png: prompts on sampled heads with default settings, and print the scores.

    python tools/edit_sheet.py

Prints one line a prompt: the directional similarity that every head reaches.
"""

from __future__ import annotations

from pathlib import Path

from clipface_cli.artifacts import Pixels, contact_sheet, save_image
from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import EditModels, edit_meshes
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.portrait import portrait
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parents[1] / "docs/edits.png"
PROMPTS = ["zombie", "ghost", "laughing", "angry", "red lips", "old man", "Mona Lisa"]
SEEDS = [7, 16, 17]
SIZE = 288


def main() -> None:
    """Write the sheet."""
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    models = EditModels(head, generator, load_guidance("builtin"))

    def picture(subject: Subject) -> Pixels:
        vertices = head.pose_head(subject.params)[0]
        return portrait(head, vertices, subject.texture[0], resolution=SIZE)

    rows, reached = [], []
    for seed in SEEDS:
        person = sample_subject(head, generator, seed)
        edits = edit_meshes(person, [(prompt, 0) for prompt in PROMPTS], models)
        rows.append([picture(subject) for subject in (person, *(edit.subject for edit in edits))])
        reached.append([edit.similarity for edit in edits])
    for prompt, values in zip(PROMPTS, zip(*reached, strict=True), strict=True):
        print(f"{prompt:12s} {'   '.join(f'{value:+.2f}' for value in values)}")
    save_image(OUTPUT, contact_sheet(rows, columns=["sampled", *PROMPTS]))


if __name__ == "__main__":
    main()
