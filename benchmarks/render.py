"""Time the renderer on the embedded head: milliseconds an image, as a table and as JSON."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import numba
import torch

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer


def milliseconds(step: Callable[[], object], repeats: int) -> float:
    """Median time of a step after a first one, which may compile."""
    step()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        step()
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)


def measure(head: HeadModel, resolution: int, batch: int, repeats: int) -> dict[str, float]:
    """Milliseconds an image, forward and with gradients, at this size."""
    torch.manual_seed(0)
    renderer = Renderer(head, resolution)
    vertices = head.template[None].repeat(batch, 1, 1)
    texture = torch.rand(1, 3, 512, 512) * 2 - 1
    camera = Camera.turned([3.0 * i for i in range(batch)])

    def backward(vertices: torch.Tensor, texture: torch.Tensor) -> None:
        image, alpha = renderer(vertices, texture, camera)
        (image.mean() + alpha.mean()).backward()

    steps: dict[str, Callable[[], object]] = {
        "forward": lambda: renderer(vertices, texture, camera),
        "+ texture": lambda: backward(vertices, texture.clone().requires_grad_()),
        "+ vertices": lambda: backward(
            vertices.clone().requires_grad_(), texture.clone().requires_grad_()
        ),
    }
    return {name: milliseconds(step, repeats) / batch for name, step in steps.items()}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/render.json"))
    options = parser.parse_args()
    head, rows = HeadModel.load("builtin"), []
    print(f"{'size':>5} {'batch':>5}  ms an image on {numba.get_num_threads()} threads")
    for resolution in (224, 512):
        for batch in (1, 8):
            times = measure(head, resolution, batch, options.repeats)
            rows.append({"resolution": resolution, "batch": batch, **times})
            cells = "".join(f"  {name} {value:6.2f}" for name, value in times.items())
            print(f"{resolution:5} {batch:5}{cells}")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps({"threads": numba.get_num_threads(), "rows": rows}, indent=2))
    print(options.out)


if __name__ == "__main__":
    main()
