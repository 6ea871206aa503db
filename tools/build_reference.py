"""Rebuild src/clipface_cli/assets/files/reference.safetensors from painted people.

    python tools/build_reference.py PEOPLE/corpus

What `clipface compare` measures FID and KID against where no dataset is given: the held-out
evaluator's features of renders of ordinary painted people, each on a head of their own shape from
one of the views that edits are scored from. They have no fantasy look and a neutral expression.
"""

import argparse
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.artifacts import write_tensors
from clipface_cli.avatar.shapes import shape_for
from clipface_cli.evaluation.reference import FILE, KIND
from clipface_cli.evaluation.scorer import RESOLUTION, YAWS
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.metrics import load_features
from clipface_cli.render import Camera, Renderer
from clipface_cli.synth import load_texture, read_people

TARGET = Path(__file__).parents[1] / "src/clipface_cli/assets/files" / FILE
TRUNCATION = 0.8  # of shapes, as `sample` draws them


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("corpus", type=Path)
    corpus = parser.parse_args().corpus
    head, features = HeadModel.load(), load_features("evaluator")
    renderer = Renderer(head, RESOLUTION)
    rows = [k for k, person in enumerate(read_people(corpus)) if person.look == "none"]
    people = read_people(corpus)
    random = torch.Generator().manual_seed(0)

    @torch.no_grad()
    def embed(place: int, row: int) -> Tensor:
        params = HeadParams.neutral(1, head.shape_size, head.expression_size)
        random_shape = torch.randn(1, head.shape_size, generator=random)
        params.shape = TRUNCATION * shape_for(head, people[row], random_shape)
        texture = load_texture(corpus / "uv" / f"{row:06d}.png")[None]
        camera = Camera.turned([YAWS[place % len(YAWS)]])
        return features(renderer(head.pose_head(params), texture, camera)[0])

    found = torch.cat([embed(place, row) for place, row in enumerate(rows)])
    header = {"format": KIND, "version": "1", "features": features.name, "people": str(len(rows))}
    write_tensors(TARGET, {"features": found.half()}, header)
    print(f"{TARGET.name}: {tuple(found.shape)}, {TARGET.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
