"""Train the embedded classifier of hats and glasses on drawn people; print its scores.

Draws once into OUT (a second run goes on from there), then trains; about seven minutes of one core.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional as F

from clipface_cli.artifacts import write_tensors
from clipface_cli.head import HeadModel
from clipface_cli.photos.accessories import FORMAT, WINDOWS, detectors, window
from clipface_cli.photos.filters import CERTAINTY
from clipface_cli.synth import Canvas, paint, person_from_latent, sample_attributes
from clipface_cli.synth.accessories import draw_accessory

ASSET = Path("src/clipface_cli/assets/files/accessories.safetensors")
SEED = 5
TRAIN_PEOPLE, TEST_PEOPLE = 80, 20
BATCH = 64
CERTAIN = CERTAINTY
TEMPERATURES = np.linspace(0.5, 4, 36)
PLAIN = 0.85  # share of people without a fantasy look


def paint_people(head: HeadModel, count: int, seed: int) -> list[Tensor]:
    """UV maps (3, 192, 192) in -1..1, a few of them with fantasy looks."""
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
    """Pictures of people with accessories, 000000.png ..., and labels.jsonl; of `people` people."""
    folder.mkdir(parents=True, exist_ok=True)
    head = HeadModel.load("builtin")
    path = folder / "labels.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    if len(lines) >= count:
        return
    textures = paint_people(head, people, seed)
    with path.open("a") as file:
        for index in range(len(lines), count):
            drawn = draw_accessory(head, textures, np.random.default_rng((seed, index)))
            Image.fromarray(drawn.image).save(folder / f"{index:06d}.png", compress_level=1)
            label = {"headwear": drawn.headwear, "eyewear": drawn.eyewear}
            print(json.dumps(label), file=file, flush=True)


def load(folder: Path, count: int) -> tuple[Tensor, dict[str, Tensor]]:
    """Squares (N, 3, 192, 192) uint8, and by name (N,) whether it is worn."""
    lines = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
    paths = [folder / f"{index:06d}.png" for index in range(min(count, len(lines)))]
    squares = np.stack([np.asarray(Image.open(path)) for path in paths])
    worn = {n: torch.tensor([line[n] is not None for line in lines[:count]]) for n in WINDOWS}
    return torch.from_numpy(squares).permute(0, 3, 1, 2), worn


def shaken(count: int, random: torch.Generator) -> Tensor:
    """Random affine maps (count, 2, 3): small rotations, scales, shifts, and reflections."""
    angle = 0.1 * torch.randn(count, generator=random)
    scale = 1 + 0.08 * torch.randn(count, generator=random)
    mirror = torch.where(torch.rand(count, generator=random) < 0.5, -1.0, 1.0)
    move = 0.06 * torch.randn(count, 2, generator=random)
    cos, sin = scale * angle.cos(), scale * angle.sin()
    top = torch.stack([cos * mirror, -sin, move[:, 0]], 1)
    return torch.stack([top, torch.stack([sin * mirror, cos, move[:, 1]], 1)], 1)


def varied(windows: Tensor, random: torch.Generator) -> Tensor:
    """Windows (B, 3, H, W) in 0..1 with random exposure, colour and sharpness."""

    def draw(*shape: int) -> Tensor:
        return torch.randn(len(windows), *shape, generator=random)

    values = windows * (1 + 0.12 * draw(3, 1, 1)) + 0.06 * draw(1, 1, 1)
    grey = values.mean(1, keepdim=True)
    values = grey + (values - grey) * (0.9 + 0.4 * draw(1, 1, 1)).clamp(0, 1.5)
    soft = F.avg_pool2d(values, 3, 1, 1)
    values = soft + (values - soft) * (0.8 + 0.7 * draw(1, 1, 1)).clamp(0, 2)
    return (values + 0.02 * torch.randn(values.shape, generator=random)).clamp(0, 1)


def train(squares: Tensor, worn: dict[str, Tensor], epochs: int, seed: int) -> nn.ModuleDict:
    """The networks after `epochs` over the training set."""
    torch.manual_seed(seed)
    networks, random = detectors(), torch.Generator().manual_seed(seed)
    optimiser = torch.optim.AdamW(networks.parameters(), 2e-3, weight_decay=0.05)
    steps = epochs * (len(squares) // BATCH)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 6e-3, steps)
    for epoch in range(epochs):
        total = 0.0
        for rows in torch.randperm(len(squares), generator=random).split(BATCH):
            if len(rows) < BATCH:
                continue
            batch = squares[rows] / 255
            losses = []
            for name, network in networks.items():
                seen = varied(window(batch, name, shaken(BATCH, random)), random)
                wanted = worn[name][rows].float() * 0.96 + 0.02
                losses.append(F.binary_cross_entropy_with_logits(network(seen), wanted))
            optimiser.zero_grad()
            torch.stack(losses).sum().backward()
            optimiser.step()
            schedule.step()
            total += float(sum(losses).detach()) / (len(squares) // BATCH)
        print(f"epoch {epoch + 1}: loss {total:.3f}", flush=True)
    return networks.eval()


@torch.inference_mode()
def calibrate(networks: nn.ModuleDict, squares: Tensor, worn: dict[str, Tensor]) -> None:
    """Set the temperatures that calibrate the probabilities."""
    for name, network in networks.items():
        logits = network(window(squares / 255, name))
        loss = [
            float(F.binary_cross_entropy_with_logits(logits / t, worn[name].float()))
            for t in TEMPERATURES
        ]
        network.temperature.fill_(TEMPERATURES[int(np.argmin(loss))])


@torch.inference_mode()
def report(networks: nn.ModuleDict, squares: Tensor, worn: dict[str, Tensor]) -> None:
    """Print precision and recall of the certain predictions, and the share of uncertain ones."""
    for name, network in networks.items():
        answer = network(window(squares / 255, name)).sigmoid()
        yes, no, truth = answer >= CERTAIN, answer <= 1 - CERTAIN, worn[name]
        found = int((yes & truth).sum())
        print(
            f"{name}: precision {found / max(int(yes.sum()), 1):.3f}, "
            f"recall {found / int(truth.sum()):.3f}, "
            f"right when sure of none {int((no & ~truth).sum()) / max(int(no.sum()), 1):.3f}, "
            f"unsure {float((~yes & ~no).float().mean()):.3f} of {len(truth)}"
        )


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/accessories"))
    parser.add_argument("--train", type=int, default=1280)
    parser.add_argument("--test", type=int, default=500)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--asset", type=Path, default=ASSET)
    options = parser.parse_args()
    torch.set_num_threads(1)
    draw(options.out / "test", options.test, TEST_PEOPLE, SEED + 1)
    draw(options.out / "train", options.train, TRAIN_PEOPLE, SEED)
    squares, worn = load(options.out / "train", options.train)
    networks = train(squares, worn, options.epochs, SEED)
    squares, worn = load(options.out / "test", options.test)
    half = len(squares) // 2
    calibrate(networks, squares[:half], {n: w[:half] for n, w in worn.items()})
    state = {k: v.half() for k, v in networks.state_dict().items() if v.is_floating_point()}
    write_tensors(options.asset, state, {"format": FORMAT, "version": "1"})
    report(networks, squares[half:], {n: w[half:] for n, w in worn.items()})
    print(options.asset, options.asset.stat().st_size, "bytes")


if __name__ == "__main__":
    main()
