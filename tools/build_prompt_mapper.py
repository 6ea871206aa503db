"""Train the embedded prompt mapper (src/clipface_cli/assets/files/prompt_mapper.safetensors).

    python tools/build_prompt_mapper.py [--steps N]

It learns the captions of painted people. Run it again whenever the embedded head, generator,
guidance or crowd changes; at best after tools/build_crowd.py.
"""

from __future__ import annotations

import argparse
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np

from clipface_cli.edit import PROMPTED, Moment, train_prompt_mapper
from clipface_cli.edit.prompt_mapper import FILE
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.synth import RECIPES, captions, person_from_latent, sample_attributes
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files" / FILE
RUN = Path("runs/bundle/prompt_mapper")
PEOPLE = 250
FRAME = r"^(?:(?:a|the) (?:photo|portrait|picture|close-up|3d render|face) of )?(?:the face of )?"
UNTOLD = ("face", "photo", "portrait", "person")  # captions with these words name no change


def prompts() -> list[str]:
    """What captions say, without what says that they are pictures."""
    chance, found = np.random.default_rng(0), set()
    for latent in sample_attributes(PEOPLE, seed=11)[0]:
        mood = list(RECIPES)[chance.integers(len(RECIPES))]
        for caption in captions(person_from_latent(latent), mood, chance):
            words = re.sub(r"^(?:a|an|the) ", "", re.sub(FRAME, "", caption))
            words = words.removesuffix(", portrait")
            if not any(word in words for word in UNTOLD):
                found.add(words)
    return sorted(found)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=PROMPTED.steps)
    settings = replace(PROMPTED, steps=parser.parse_args().steps)

    def watch(now: Moment) -> None:
        if now.step % 100 == 0:
            print(f"{now.step}/{now.steps}: loss {now.loss[0]:.3f}", flush=True)

    networks = HeadModel.load("builtin"), Generator.load("builtin"), load_guidance("builtin")
    train_prompt_mapper(prompts(), *networks, RUN, settings, watch)
    shutil.copyfile(RUN / FILE, OUTPUT)
    print(OUTPUT)


if __name__ == "__main__":
    main()
