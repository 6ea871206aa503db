"""Fit random heads of the embedded model: vertex errors and seconds, as JSON."""

import argparse
import json
import time
from pathlib import Path

import torch

from clipface_cli.head import HeadModel, HeadParams, fit_vertices
from clipface_cli.head.skinning import rotation_matrices


def random_mesh(head: HeadModel, seed: int) -> tuple[torch.Tensor, float]:
    """Vertices of a random person, turned by up to 60 degrees, in a random unit; and the unit."""
    random = torch.Generator().manual_seed(seed)
    pose = torch.zeros(1, 6)
    pose[:, 3:] = 0.15 * torch.randn(1, 3, generator=random)
    shape = torch.randn(1, head.shape_size, generator=random)
    expression = torch.randn(1, head.expression_size, generator=random)
    vertices = head.pose_head(HeadParams(shape, expression, pose))[0]
    turn = rotation_matrices(torch.pi / 3 * (2 * torch.rand(3, generator=random) - 1))
    unit = float(10 ** (4 * torch.rand(1, generator=random) - 1))
    return unit * (vertices @ turn.T + torch.randn(3, generator=random)), unit


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=100)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/fit.json"))
    options = parser.parse_args()
    head = HeadModel.load("builtin")
    errors, seconds = [], []
    for seed in range(options.heads):
        mesh, unit = random_mesh(head, seed)
        start = time.perf_counter()
        fit = fit_vertices(head, mesh)
        seconds.append(time.perf_counter() - start)
        again = fit.scale * head.pose_head(fit.params)[0] @ fit.rotation.T + fit.translation
        errors.append((again - mesh).norm(dim=1) / unit * 1000)
    every = torch.stack(errors)
    facts = {
        "heads": options.heads,
        "median_mm": float(every.median()),
        "worst_mm": float(every.max()),
        "median_seconds": sorted(seconds)[len(seconds) // 2],
        "worst_seconds": max(seconds),
        "threads": torch.get_num_threads(),
    }
    print(", ".join(f"{name} {value:.4g}" for name, value in facts.items()))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


if __name__ == "__main__":
    main()
