"""Images a second of a whole step of `train-gan`, and the share of each part.

    python benchmarks/train_gan.py DATASET --resolution 512 --batch 32

Every part waits for the device, so the sum is a little more than an undisturbed step.
"""

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator
from clipface_cli.train.common.distributed import Distributed
from clipface_cli.train.gan import PRESETS
from clipface_cli.train.gan.adversarial_step import AdversarialTraining
from clipface_cli.train.gan.dataset import Dataset
from clipface_cli.train.gan.generator_ema import GeneratorEMA
from clipface_cli.train.gan.image_domain import RenderDomain

PARTS = {
    "_generator_step": "generator",
    "_discriminator_step": "discriminators",
    "_r1_step": "R1",
    "_path_length_step": "path length",
}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("--preset", choices=sorted(PRESETS), default="paper")
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=32, help="a multiple of 16")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/train_gan.json"))
    options = parser.parse_args()
    settings = replace(
        PRESETS[options.preset],
        resolution=options.resolution,
        batch=options.batch,
        discriminator_only_steps=0,
    )
    head, processes = HeadModel.load(settings.head), Distributed(options.device)
    dataset = Dataset.load(options.dataset, settings.resolution, head)
    generator = Generator.create(settings.resolution, settings.channel_base, settings.channel_max)
    model = GeneratorEMA(generator, settings, processes, False, None)
    training = AdversarialTraining(
        model, RenderDomain(dataset, head, settings.resolution), settings, processes
    )
    seconds: dict[str, float] = defaultdict(float)
    run(training, 16)
    whole = timed(lambda: run(training, options.steps))
    for method, name in PARTS.items():
        setattr(training, method, watched(getattr(training, method), name, seconds))
    training.domain.render_fakes = watched(training.domain.render_fakes, "rendering", seconds)  # type: ignore[method-assign]
    parts = timed(lambda: run(training, options.steps))
    seconds["generator"] -= seconds["rendering"]
    seconds["the rest"] = parts - sum(seconds.values())
    images = options.steps * options.batch
    place = torch.cuda.get_device_name() if processes.device.type == "cuda" else "CPU"
    print(f"{place}, {settings.resolution}², batch {settings.batch}, {processes.precision}:")
    print(f"{images / whole:.1f} images a second")
    for name, spent in seconds.items():
        print(f"{name:16} {spent / parts:6.1%}")
    results = {
        "device": place,
        "resolution": settings.resolution,
        "batch": settings.batch,
        "images a second": images / whole,
        "shares": {name: spent / parts for name, spent in seconds.items()},
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(results, indent=2))
    training.loader.close()


def run(training: AdversarialTraining, steps: int) -> None:
    """Train a little."""
    for _ in range(steps):
        training.step(0.0)
        training.state.step += 1


def wait() -> None:
    """Until the device has done what it was given."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def timed(work: Callable[[], object]) -> float:
    """Seconds that it takes."""
    wait()
    start = time.perf_counter()
    work()
    wait()
    return time.perf_counter() - start


def watched(work: Callable[..., Any], name: str, seconds: dict[str, float]) -> Callable[..., Any]:
    """The same, with its time added up under `name`."""

    def wrapped(*values: Any, **named: Any) -> Any:
        result: list[Any] = []
        seconds[name] += timed(lambda: result.append(work(*values, **named)))
        return result[0]

    return wrapped


if __name__ == "__main__":
    main()
