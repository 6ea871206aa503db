"""Invert painted UV maps that the generator never saw: SSIM and seconds in w and w+, as JSON."""

import argparse
import json
import statistics
import time
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.artifacts import from_pixels
from clipface_cli.head import HeadModel
from clipface_cli.synth import Canvas, paint, person_from_latent, sample_attributes
from clipface_cli.texture import Generator, invert, ssim


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--maps", type=int, default=20)
    parser.add_argument("--seed", type=int, default=60607, help="of the people, none trained on")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/invert.json"))
    options = parser.parse_args()
    generator = Generator.load("builtin")
    targets = painted(options.maps, options.seed, generator.resolution)
    facts: dict[str, object] = {"maps": options.maps, "threads": torch.get_num_threads()}
    for space in ("w", "w+"):
        facts[space] = measured(generator, targets, space)
        print(space, ", ".join(f"{name} {value:.3g}" for name, value in facts[space].items()))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


def painted(count: int, seed: int, resolution: int) -> list[Tensor]:
    """UV maps (1, 3, R, R) of new people."""
    canvas = Canvas(HeadModel.load("builtin"), 512)
    people = [person_from_latent(latent) for latent in sample_attributes(count, seed)[0]]
    maps = [from_pixels(paint(person, canvas)) for person in people]
    return [F.interpolate(x, (resolution, resolution), mode="area") for x in maps]


def measured(generator: Generator, targets: list[Tensor], space: str) -> dict[str, float]:
    """Similarity of the inverted textures, whole and at 256², and what one inversion takes."""
    alike, coarsely, wall, cpu = [], [], [], []
    for target in targets:
        start, used = time.perf_counter(), time.process_time()
        w = invert(generator, target, space=space)
        wall.append(time.perf_counter() - start)
        cpu.append(time.process_time() - used)
        with torch.no_grad():
            found = generator.synthesis(w)
            alike.append(float(ssim(found, target)))
            smaller = [F.interpolate(x, (256, 256), mode="area") for x in (found, target)]
            coarsely.append(float(ssim(*smaller)))
    return {
        "ssim_mean": statistics.mean(alike),
        "ssim_worst": min(alike),
        "share_from_0.85": sum(x >= 0.85 for x in alike) / len(alike),
        "ssim_256_mean": statistics.mean(coarsely),
        "ssim_256_worst": min(coarsely),
        "share_256_from_0.85": sum(x >= 0.85 for x in coarsely) / len(coarsely),
        "seconds_median": statistics.median(wall),
        "seconds_worst": max(wall),
        "cpu_seconds_median": statistics.median(cpu),
    }


if __name__ == "__main__":
    main()
