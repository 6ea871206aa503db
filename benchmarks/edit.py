"""One step of preset `paper` against the equations written out plainly, in the same run.

    python benchmarks/edit.py [--steps N] [--device cpu|cuda] [--guidance clip|builtin]

The plain form is the one that the tests hold the package to (tests/helpers/written_out.py): a
network a level called in a loop, the unedited texture generated and drawn again in every step, both
prompts encoded, Adam by hand; once with the package's generator and once with the same written as
published (benchmarks/generator.py). Sizes are the paper's: textures of 512 x 512 with 18 levels,
renders of 512 x 512, CLIP ViT-B/32; weights are random, which costs the same. JSON goes to
benchmarks/out/edit.json: seconds a step of all (best and median), and ratios to the package's.
"""

from __future__ import annotations

import argparse
import json
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from itertools import pairwise, repeat
from pathlib import Path

import torch

from clipface_cli.avatar import Subject, sample_subject
from clipface_cli.edit import PAPER, EditModels, PromptReader
from clipface_cli.edit.edit import BatchedEdit
from clipface_cli.edit.views import ViewSampler
from clipface_cli.guidance import Guidance, load_guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

sys.path.append(str(Path(__file__).parents[1] / "tests/helpers"))
sys.path.append(str(Path(__file__).parent))
import written_out
from generator import Published

OUTPUT = Path(__file__).parent / "out/edit.json"
PROMPT = "zombie"
WARM_UP = 2


def clip() -> Guidance:
    """CLIP ViT-B/32 with random weights."""
    from transformers import CLIPConfig, CLIPModel

    with tempfile.TemporaryDirectory() as folder:
        CLIPModel(CLIPConfig()).save_pretrained(folder)
        return load_guidance(folder)


def ours(models: EditModels, person: Subject, steps: int) -> Callable[[int], None]:
    """A step of the package."""
    stages = PromptReader(models, person, PAPER).stages(PROMPT, 0)
    batch = BatchedEdit(models, [person], stages, [0], PAPER)
    views = ViewSampler(PAPER, repeat(random.Random(0), steps), models.device)
    optimizer = batch.mappers.optimizer(PAPER.texture_rate, PAPER.expression_rate)

    def step(number: int) -> None:
        batch.step(optimizer, views[number])

    return step


class AsPublished:
    """A generator whose synthesis network is written as published."""

    def __init__(self, generator: Generator) -> None:
        self.synthesis = Published(generator)


def straight(
    models: EditModels, person: Subject, generator: Generator | AsPublished
) -> Callable[[int], None]:
    """A step of the writing-out."""

    def network(inputs: int, outputs: int) -> written_out.Layers:
        sizes = [inputs, *[outputs] * 4]
        layers = [(100 * torch.randn(b, a), torch.zeros(b)) for a, b in pairwise(sizes)]
        layers[-1] = (torch.zeros_like(layers[-1][0]), layers[-1][1])
        return [(w.to(models.device), b.to(models.device)) for w, b in layers]

    width = models.generator.w_dim
    scenery = written_out.Scenery(
        models.head, generator, models.guidance, models.renderer(PAPER.resolution)
    )
    texture = [network(width, width) for _ in range(models.generator.num_ws)]
    edit = written_out.Edit(scenery, texture, network(width, models.head.expression_size))
    params, yaws = person.params, random.Random(0)

    def step(_: int) -> None:
        models.guidance.to(models.device)  # forgets the prompts that it has encoded
        edit.step(
            PROMPT, person.w, params.shape, params.expression, params.pose, yaws.uniform(-25, 25)
        )

    return step


def compare(models: EditModels, steps: int) -> dict[str, dict[str, float]]:
    """Seconds a step of both, turn by turn."""
    person = sample_subject(models.head, models.generator, 7)
    person.params = person.params.to(models.device)
    runs = {
        "straight": straight(models, person, models.generator),
        "straight, generator as published": straight(models, person, AsPublished(models.generator)),
        "clipface": ours(models, person, steps + WARM_UP),
    }
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(steps + WARM_UP):
        for name, step in runs.items():
            start = time.perf_counter()
            step(number)
            if models.device.type == "cuda":
                torch.cuda.synchronize()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    report = {
        name: {"best_s": min(times), "median_s": statistics.median(times)}
        for name, times in seconds.items()
    }
    fast = report["clipface"]
    for name in ("straight", "straight, generator as published"):
        report[f"ratio to {name}"] = {key: report[name][key] / fast[key] for key in fast}
    return report


def main() -> None:
    """Time both."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=5)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--guidance", choices=["clip", "builtin"], default="clip")
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = Generator.create(512, 16384, 512).eval().requires_grad_(False)
    guidance = clip() if options.guidance == "clip" else load_guidance("builtin")
    device = torch.device(options.device)
    models = EditModels(HeadModel.load().to(device), generator.to(device), guidance.to(device))
    report = compare(models, options.steps)
    OUTPUT.parent.mkdir(exist_ok=True)
    OUTPUT.write_text(json.dumps(report, indent=2) + "\n")
    print(json.dumps(report, indent=2))


if __name__ == "__main__":
    main()
