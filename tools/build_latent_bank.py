"""Build the embedded latent bank (src/clipface_cli/assets/files/latent_bank.safetensors).

    python tools/build_latent_bank.py [--people 1024]

Run it again whenever the embedded generator or guidance changes.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from clipface_cli.edit.code_prior import CodePrior
from clipface_cli.edit.initialization.latent_bank import FILE, LatentBank, embed_people
from clipface_cli.guidance import load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

OUTPUT = Path(__file__).parents[1] / "src/clipface_cli/assets/files" / FILE
PEOPLE = 1024


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=PEOPLE)
    parser.add_argument("-o", "--output", type=Path, default=OUTPUT)
    options = parser.parse_args()
    head, generator = HeadModel.load("builtin"), Generator.load("builtin")
    guidance = load_guidance("builtin")
    features = embed_people(head, generator, guidance, options.people)
    LatentBank(CodePrior(generator), features).save(options.output, guidance)
    print(f"{options.output}: {options.people} people")


if __name__ == "__main__":
    main()
