"""Time the texture generator at 512² against the same network written as published, as JSON.

The peer follows the published description step by step: styles scale the weights, one grouped
convolution serves the batch, doubling is nearest neighbour and then a 4 x 4 blur of its own, and
noise, bias, activation, gain and clamp are separate passes. Both run in turn in this process with
the same weights.
"""

import argparse
import json
import math
import platform
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.texture import Generator, fast_autocast

BLUR = torch.outer(*[torch.tensor([1.0, 3, 3, 1])] * 2) / 64


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--resolution", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/generator.json"))
    options = parser.parse_args()
    torch.manual_seed(0)
    generator = Generator.create(options.resolution, 16384, 512).eval().requires_grad_(False)
    w = generator.mapping(torch.randn(1, 512))
    with torch.no_grad():
        apart = (generator.synthesis(w) - Published(generator)(w)).abs().max()
    print(f"largest difference {apart:.1e}")
    rows = {}
    for name, ours, theirs in (
        ("forward", forward(generator.synthesis, w), forward(Published(generator), w)),
        ("to w", backward(generator.synthesis, w), backward(Published(generator), w)),
        ("to w, peer's weights free", None, backward(Published(generator, free=True), w)),
    ):
        mine = ours or backward(generator.synthesis, w)
        fast, slow = alternate(mine, theirs, options.repeats)
        rows[name] = {"ours_ms": fast, "published_ms": slow, "ratio": slow / fast}
        print(f"{name:26} {fast:6.0f} ms, published {slow:6.0f} ms, {slow / fast:.2f} times")
    half = [forward(in_bfloat16(generator), w), backward(in_bfloat16(generator), w)]
    rows["bfloat16"] = dict(
        zip(("forward_ms", "to_w_ms"), alternate(*half, options.repeats), strict=True)
    )
    print(
        "in bfloat16 where the processor has it: forward {forward_ms:.0f} ms, "
        "to w {to_w_ms:.0f} ms".format(**rows["bfloat16"])
    )
    facts = {
        "machine": platform.processor() or platform.machine(),
        "threads": torch.get_num_threads(),
        "resolution": options.resolution,
        "apart": float(apart),
        **rows,
    }
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


class Published(nn.Module):
    """The synthesis network as published."""

    def __init__(self, generator: Generator, free: bool = False) -> None:
        """`free`: weights collect gradients, as the published edits leave them."""
        super().__init__()
        state = generator.synthesis.state_dict()
        self.blocks = len(generator.synthesis.blocks)
        self.values = {k: v.detach().clone().requires_grad_(free) for k, v in state.items()}

    def forward(self, w: Tensor) -> Tensor:
        """w (B, L, 512) to (B, 3, R, R)."""
        x = self.values["first_block.const"].expand(len(w), -1, -1, -1)
        x = self.layer("first_block.conv1", x, w[:, 0], False)
        image = self.colour("first_block.torgb", x, w[:, 1])
        for i in range(self.blocks):
            name, at = f"blocks.{i}", 2 * i + 1
            x = self.layer(f"{name}.conv0", x, w[:, at], True)
            x = self.layer(f"{name}.conv1", x, w[:, at + 1], False)
            image = double(image) + self.colour(f"{name}.torgb", x, w[:, at + 2])
        return image

    def style(self, name: str, w: Tensor) -> Tensor:
        weight, bias = self.values[f"{name}.affine.weight"], self.values[f"{name}.affine.bias"]
        return torch.addmm(bias, w, weight.T / math.sqrt(w.shape[1]))

    def layer(self, name: str, x: Tensor, w: Tensor, up: bool) -> Tensor:
        x = modulated(x, self.values[f"{name}.weight"], self.style(name, w), True)
        x = double(x) if up else x
        x = x + self.values[f"{name}.noise_const"] * self.values[f"{name}.noise_strength"]
        x = F.leaky_relu(x + self.values[f"{name}.bias"][:, None, None], 0.2)
        return torch.clamp(x * math.sqrt(2), -256, 256)

    def colour(self, name: str, x: Tensor, w: Tensor) -> Tensor:
        weight = self.values[f"{name}.weight"]
        x = modulated(x, weight, self.style(name, w) / math.sqrt(weight.shape[1]), False)
        return torch.clamp(x + self.values[f"{name}.bias"][:, None, None], -256, 256)


def modulated(x: Tensor, weight: Tensor, styles: Tensor, demodulate: bool) -> Tensor:
    """Weights scaled by styles, to unit norm if asked; one group an image."""
    batch, out = len(x), len(weight)
    weights = weight[None] * styles[:, None, :, None, None]
    if demodulate:
        norm = weights.square().sum((2, 3, 4), keepdim=True)
        weights = weights * (norm + 1e-8).rsqrt()
    x = x.reshape(1, -1, *x.shape[2:])
    y = F.conv2d(x, weights.flatten(0, 1), padding=weight.shape[2] // 2, groups=batch)
    return y.reshape(batch, out, *y.shape[2:])


def double(x: Tensor) -> Tensor:
    """Nearest neighbour, then a blur of its own."""
    y = F.interpolate(x, scale_factor=2, mode="nearest").flatten(0, 1)[:, None]
    y = F.conv2d(F.pad(y, (2, 1, 2, 1), mode="replicate"), BLUR[None, None])
    return y.view(*x.shape[:2], *y.shape[2:])


def in_bfloat16(generator: Generator) -> Callable[[Tensor], Tensor]:
    """The generator as edits run it."""

    def synthesis(w: Tensor) -> Tensor:
        with fast_autocast():
            return generator.synthesis(w)

    return synthesis


def forward(network: Callable[[Tensor], Tensor], w: Tensor) -> Callable[[], None]:
    """A step without gradients."""

    def step() -> None:
        with torch.no_grad():
            network(w)

    return step


def backward(network: Callable[[Tensor], Tensor], w: Tensor) -> Callable[[], None]:
    """A step with the gradient of w, as an edit takes it."""

    def step() -> None:
        leaf = w.detach().clone().requires_grad_()
        network(leaf).square().mean().backward()

    return step


def alternate(one: Callable[[], None], other: Callable[[], None], repeats: int) -> list[float]:
    """Best times in ms of two steps that take turns."""
    best = [math.inf, math.inf]
    for turn in range(repeats + 1):
        for i, step in enumerate((one, other)):
            start = time.perf_counter()
            step()
            if turn:
                best[i] = min(best[i], 1000 * (time.perf_counter() - start))
    return best


if __name__ == "__main__":
    main()
