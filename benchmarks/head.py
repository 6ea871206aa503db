"""Time the head model against linear blend skinning written the textbook way, as JSON."""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.head import HeadModel


def rotations(axis_angle: Tensor) -> Tensor:
    """(N, 3) radians to (N, 3, 3)."""
    angle = (axis_angle + 1e-8).norm(dim=1, keepdim=True)
    x, y, z = (axis_angle / angle).split(1, 1)
    zero = torch.zeros_like(x)
    skew = torch.cat([zero, -z, y, z, zero, -x, -y, x, zero], 1).view(-1, 3, 3)
    sine, cosine = angle.sin()[..., None], angle.cos()[..., None]
    return torch.eye(3) + sine * skew + (1 - cosine) * torch.bmm(skew, skew)


class Textbook:
    """SMPL's formulas one after the other, with 4 x 4 matrices for every vertex."""

    def __init__(self, head: HeadModel) -> None:
        self.head = head
        bases = torch.cat([head.shape_basis, head.expression_basis])
        self.directions = bases.view(len(bases), -1, 3).permute(1, 2, 0).contiguous()

    def __call__(self, shape: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """Vertices (B, V, 3)."""
        head, batch = self.head, len(shape)
        still = expression.new_zeros(batch, head.expression_size)
        joints = self.joints(self.blend(torch.cat([shape, still], 1)))
        shaped = self.blend(torch.cat([shape, expression], 1))
        neck, eyes = pose.new_zeros(batch, 3), pose.new_zeros(batch, 6)
        full = torch.cat([pose[:, :3], neck, pose[:, 3:], eyes], 1).view(-1, 3)
        chain = self.chain(rotations(full).view(batch, -1, 3, 3), joints)
        weights = head.skinning_weights.expand(batch, -1, -1)
        matrices = torch.matmul(weights, chain.view(batch, -1, 16)).view(batch, -1, 4, 4)
        ones = torch.ones(batch, shaped.shape[1], 1)
        return torch.matmul(matrices, torch.cat([shaped, ones], 2)[..., None])[:, :, :3, 0]

    def blend(self, coefficients: Tensor) -> Tensor:
        return self.head.template + torch.einsum("bl,mkl->bmk", coefficients, self.directions)

    def joints(self, vertices: Tensor) -> Tensor:
        return torch.einsum("bik,ji->bjk", vertices, self.head.joint_regressor)

    def chain(self, turns: Tensor, joints: Tensor) -> Tensor:
        parents = self.head.parents
        relative = joints.clone()
        relative[:, 1:] -= joints[:, parents[1:]]
        local = torch.cat([turns, relative[..., None]], 3)
        bottom = torch.tensor([0.0, 0, 0, 1]).expand(len(turns), len(parents), 1, 4)
        local = torch.cat([local, bottom], 2)
        world = [local[:, 0]]
        for joint in range(1, len(parents)):
            world.append(world[parents[joint]] @ local[:, joint])
        stacked = torch.stack(world, 1)
        homogeneous = torch.cat([joints, torch.zeros(*joints.shape[:2], 1)], 2)[..., None]
        moved = stacked @ homogeneous
        return stacked - torch.nn.functional.pad(moved, (3, 0))


def milliseconds(steps: list[Callable[[], object]], repeats: int) -> list[float]:
    """Median time of each step; they take turns, so that a busy moment hits all of them."""
    times: list[list[float]] = [[] for _ in steps]
    for step in steps:
        step()
    for _ in range(repeats):
        for step, kept in zip(steps, times, strict=True):
            start = time.perf_counter()
            step()
            kept.append(time.perf_counter() - start)
    return [1000 * statistics.median(kept) for kept in times]


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--repeats", type=int, default=30)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/head.json"))
    options = parser.parse_args()
    torch.manual_seed(0)
    head = HeadModel.load("builtin")
    textbook = Textbook(head)
    inputs = (
        torch.randn(options.batch, head.shape_size),
        torch.randn(options.batch, head.expression_size),
        0.3 * torch.randn(options.batch, 6),
    )
    apart = float((head(*inputs) - textbook(*inputs)).abs().max())

    def backward(model: Callable[..., Tensor]) -> None:
        leaves = [value.clone().requires_grad_() for value in inputs]
        model(*leaves).square().sum().backward()

    rows = {}
    for name, pair in {
        "forward": [lambda: head(*inputs), lambda: textbook(*inputs)],
        "forward + backward": [lambda: backward(head), lambda: backward(textbook)],
    }.items():
        ours, theirs = milliseconds(pair, options.repeats)
        rows[name] = {"ours_ms": ours, "textbook_ms": theirs, "ratio": theirs / ours}
        print(f"{name:20} {ours:7.1f} ms, textbook {theirs:7.1f} ms, {theirs / ours:.1f} times")
    options.out.parent.mkdir(parents=True, exist_ok=True)
    facts = {"batch": options.batch, "threads": torch.get_num_threads(), "apart_m": apart, **rows}
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


if __name__ == "__main__":
    main()
