"""Train the embedded classifier of hats and glasses on drawn people; print what it can do.

Draws once into OUT (a second run goes on from there), then trains; about ten minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numba
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.synth import Canvas, paint, person_from_latent, sample_attributes
from clipface_cli.synth.wearers import draw_wearer

SEED = 5
PLAIN = 0.85  # share of people without a fantasy look


def paint_people(head: HeadModel, count: int, seed: int) -> list[Tensor]:
    """UV maps (3, 192, 192) in -1..1, few of them of zombies, clowns and their like."""
    canvas, random = Canvas(head, 192), np.random.default_rng(seed)
    textures = []
    for latent in sample_attributes(8 * count, seed)[0]:
        person = person_from_latent(latent)
        if person.look_strength > 0 and random.random() < PLAIN:
            continue
        textures.append(torch.from_numpy(paint(person, canvas)).permute(2, 0, 1) / 127.5 - 1)
        if len(textures) == count:
            break
    return textures


def draw(folder: Path, count: int, people: int, seed: int) -> None:
    """Pictures of random wearers as 000000.png ... and labels.jsonl, each a person of `people`."""
    folder.mkdir(parents=True, exist_ok=True)
    head = HeadModel.load("builtin")
    path = folder / "labels.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    if len(lines) >= count:
        return
    textures = paint_people(head, people, seed)
    with path.open("a") as file:
        for index in range(len(lines), count):
            wearer = draw_wearer(head, textures, np.random.default_rng((seed, index)))
            Image.fromarray(wearer.image).save(folder / f"{index:06d}.png", compress_level=1)
            label = {"headwear": wearer.headwear, "eyewear": wearer.eyewear}
            print(json.dumps(label), file=file, flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/accessories"))
    parser.add_argument("--train", type=int, default=5000)
    parser.add_argument("--test", type=int, default=800)
    parser.add_argument("--people", type=int, default=80)
    options = parser.parse_args()
    torch.set_num_threads(1)
    numba.set_num_threads(1)
    draw(options.out / "test", options.test, options.people // 4, SEED + 1)
    draw(options.out / "train", options.train, options.people, SEED)


if __name__ == "__main__":
    main()
