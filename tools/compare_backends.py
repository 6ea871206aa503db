"""Draw 20 scenes with the CPU kernels and with nvdiffrast; keep its results for CPU-only tests.

Needs a CUDA device and nvdiffrast. Writes tests/data/golden/nvdiffrast.safetensors: inputs,
nvdiffrast's image and gradients, and how far the CPU kernels were from them.
"""

import argparse
import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from clipface_cli.render import antialias, interpolate, rasterize, texture

SCENES = 20
SIZE = (24, 28)
INPUTS = ("pos", "uv", "tex")


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--out", type=Path, default=Path("tests/data/golden/nvdiffrast.safetensors")
    )
    options = parser.parse_args()
    tensors: dict[str, Tensor] = {}
    worst: dict[str, float] = {}
    for seed in range(SCENES):
        inputs = scene(seed)
        fast = draw(inputs, "cpu")
        golden = draw(inputs, "cuda")
        for name, value in golden.items():
            error = difference(name, fast[name], value)
            worst[name] = max(worst.get(name, 0.0), error)
            print(f"scene {seed:2} {name:8} {error:.2e}")
        named = {**inputs, **{f"out.{name}": value for name, value in golden.items()}}
        tensors |= {f"{seed:02}.{name}": value.contiguous() for name, value in named.items()}
    print(json.dumps(worst, indent=2))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, options.out, {"worst": json.dumps(worst), "size": json.dumps(SIZE)})
    print(options.out)


def scene(seed: int) -> dict[str, Tensor]:
    """Triangles in clip space, with UVs and a texture.

    A third of the scenes are in perspective, a third extend behind the camera.
    """
    generator = torch.Generator().manual_seed(seed)

    def random(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator)

    pos = torch.randn(2, 24, 4, generator=generator) * torch.tensor([0.7, 0.7, 0.3, 0])
    depths = {0: 0.5 + 1.5 * random(2, 24), 1: 2 * random(2, 24) - 0.5}
    pos[..., 3] = depths.get(seed % 3, torch.ones(2, 24))
    tri = torch.randint(0, 24, (20, 3), generator=generator, dtype=torch.int32)
    weights = torch.randn(2, *SIZE, 3, generator=generator)
    return {
        "pos": pos,
        "tri": tri,
        "uv": random(1, 24, 2) * 2 - 0.5,
        "tex": random(2, 16, 16, 3),
        "weights": weights,
    }


def draw(inputs: dict[str, Tensor], device: str) -> dict[str, Tensor]:
    """The four operations on a device: ids, image, and gradients to INPUTS, on the CPU."""
    values = {name: value.to(device) for name, value in inputs.items()}
    leaves = [values[name].requires_grad_() for name in INPUTS]
    pos, uv, tex = leaves
    rast, rast_db = rasterize(pos, values["tri"], SIZE)
    at, at_da = interpolate(uv, rast, values["tri"], rast_db, "all")
    image = antialias(texture(tex, at, at_da), rast, pos, values["tri"])
    slopes = torch.autograd.grad((image * values["weights"]).sum(), leaves)
    results = {"ids": rast[..., 3], "image": image, **dict(zip(INPUTS, slopes, strict=True))}
    return {name: value.detach().cpu() for name, value in results.items()}


def difference(name: str, one: Tensor, golden: Tensor) -> float:
    """Share of the pixels with another id; else the difference's length over the values' own."""
    if name == "ids":
        return float((one != golden).float().mean())
    return float((one - golden).norm() / golden.norm().clamp(min=1e-12))


if __name__ == "__main__":
    main()
