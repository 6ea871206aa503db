"""A guidance of the package from a run of `clipface train-guidance`, with its scores.

python tools/build_guidance.py runs/guidance guidance
python tools/build_guidance.py runs/evaluator evaluator
"""

import argparse
import os
from pathlib import Path

from clipface_cli.artifacts import read_tensors
from clipface_cli.assets import builtin
from clipface_cli.guidance import EmbeddedGuidance
from clipface_cli.guidance.embedded import FORMAT
from clipface_cli.head import HeadModel
from clipface_cli.train.guidance import score

SEED = 0  # of the people it is evaluated on; those of training have others


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("name", choices=["guidance", "evaluator"])
    options = parser.parse_args()
    source = options.run / "guidance.safetensors"
    model = EmbeddedGuidance.load(source)
    target = builtin("guidance.safetensors").with_name(f"{options.name}.safetensors")
    _, header = read_tensors(source, FORMAT)
    model.save(target, {"training": header["card"]})
    scores = score(EmbeddedGuidance.load(target), HeadModel.load(), SEED, workers=os.cpu_count())
    model.save(target, {"training": header["card"], "scores": scores})
    print(target)
    for name, value in scores.items():
        print(f"{name:16} {value:.3f}")


if __name__ == "__main__":
    main()
