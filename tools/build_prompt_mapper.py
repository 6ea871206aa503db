"""Train the embedded prompt mapper (src/clipface_cli/assets/files/prompt_mapper.safetensors).

    python tools/build_prompt_mapper.py [--steps N]

It is trained on the captions of painted people. Run it again whenever the embedded head, generator,
guidance or latent bank changes; at best after tools/build_latent_bank.py.
"""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipface_cli.edit import EditModels
from clipface_cli.edit.initialization.prompt_mapper import FILE
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES, captions, person_from_latent, sample_attributes
from clipface_cli.texture import Generator
from clipface_cli.train.mapper import Run, mapper_settings, train_prompt_mapper

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files" / FILE
RUN = Path("runs/bundle/prompt_mapper")
PEOPLE = 250
FRAME = r"^(?:(?:a|the) (?:photo|portrait|picture|close-up|3d render|face) of )?(?:the face of )?"
UNTOLD = ("face", "photo", "portrait", "person")  # captions with these words name no change


def prompts() -> list[str]:
    """Captions without the words that say they are pictures."""
    random, found = np.random.default_rng(0), set()
    for latent in sample_attributes(PEOPLE, seed=11)[0]:
        expression = list(RECIPES)[random.integers(len(RECIPES))]
        for caption in captions(person_from_latent(latent), expression, random):
            words = re.sub(r"^(?:a|an|the) ", "", re.sub(FRAME, "", caption))
            words = words.removesuffix(", portrait")
            if not any(word in words for word in UNTOLD):
                found.add(words)
    return sorted(found)


def report(step: int, steps: int, text: str) -> None:
    """Print every hundredth step."""
    if step % 100 == 0:
        print(f"{step}/{steps}: {text}", flush=True)


def main() -> None:
    """Run it."""
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    guidance = load_guidance("builtin")
    settings = mapper_settings("default", guidance, many=True)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=settings.edit.steps)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    settings = replace(settings, edit=replace(settings.edit, steps=options.steps))
    models = EditModels(head, generator, guidance)
    train_prompt_mapper(prompts(), models, Run(RUN, report=report), settings)
    shutil.copyfile(RUN / FILE, options.output)
    print(options.output)


if __name__ == "__main__":
    main()
