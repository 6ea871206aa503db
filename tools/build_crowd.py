"""Build the embedded crowd (src/clipface_cli/assets/files/crowd.safetensors).

    python tools/build_crowd.py

Run it again whenever the embedded generator or guidance changes.
"""

from __future__ import annotations

from pathlib import Path

from clipface_cli.edit.crowd import Crowd, embed_people
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files/crowd.safetensors"
PEOPLE = 1024

if __name__ == "__main__":
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    guidance = load_guidance("builtin")
    Crowd(generator, embed_people(head, generator, guidance, PEOPLE)).save(OUTPUT, guidance)
    print(f"{OUTPUT.name}: {PEOPLE} people")
