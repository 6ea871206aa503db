"""The generator of the package from a run of `clipface train-gan --preset embedded`.

    python tools/build_generator.py runs/texture

Short adversarial training sharpens skin and hair, and adds noise to appearances that are rare in
the data. Weights are interpolated from the warm start towards the end of adversarial training: this
keeps most of the sharpness and little of the noise (both ends are the same network, fine-tuned).
"""

import argparse
from pathlib import Path

import torch

from clipface_cli.assets import builtin
from clipface_cli.texture import Generator

SHARE = 0.8  # of the way from the warm start to the end of adversarial training


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    run = parser.parse_args().run
    warm, sharp = (Generator.load(folder) for folder in (run / "warm-start", run))
    before = warm.state_dict()
    sharp.load_state_dict(
        {name: before[name].lerp(after, SHARE) for name, after in sharp.state_dict().items()}
    )
    origin = "warm start, then most of the way to the end of adversarial training on UV maps"
    sharp.save(builtin("generator.safetensors"), torch.int8, origin=origin)


if __name__ == "__main__":
    main()
