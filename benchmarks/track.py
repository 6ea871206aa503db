"""Render a laugh as a video, track it back: what comes out right, as JSON.

Strong components are those of the expression whose spread over the clip is at least half of the
largest. The opening is the distance between the inner lips. `--sheet` writes frames of the clip
with the fit drawn over them.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
import torch

from clipface_cli.artifacts import save_image
from clipface_cli.artifacts.footage import open_footage
from clipface_cli.artifacts.sequence import Sequence
from clipface_cli.artifacts.video import write_video
from clipface_cli.head import HeadModel
from clipface_cli.photos import load_encoder
from clipface_cli.photos.encoder import landmark_vertices
from clipface_cli.photos.preview import preview_frames
from clipface_cli.photos.track import track
from clipface_cli.render import Camera, Light, Renderer
from clipface_cli.synth import RECIPES
from clipface_cli.texture import Generator

FPS, FRAMES, SIZE = 25.0, 48, 512
INNER_LIPS = 13, 14


def laugh(head: HeadModel, seed: int) -> Sequence:
    """A laugh with raised brows and an opening jaw while the head turns."""
    time_s = torch.arange(FRAMES) / FPS
    swell = 0.5 - 0.5 * torch.cos(2 * torch.pi * time_s / 1.92)
    amount = (swell * (0.85 + 0.15 * torch.cos(8 * torch.pi * time_s)))[:, None]
    brows = (0.5 - 0.5 * torch.cos(2 * torch.pi * time_s / 0.96 + 0.5))[:, None] * 0.6
    units = {n: a for n, a in RECIPES["laughing"].units.items() if n != "jawOpen"}
    raised = {"browInnerUp": 0.7, "browOuterUpLeft": 0.5, "browOuterUpRight": 0.5}
    expression = amount * head.expression_from_units(units)
    expression = expression + brows * head.expression_from_units(raised)
    pose = torch.zeros(FRAMES, 6)
    pose[:, 0], pose[:, 1] = -0.1 * amount[:, 0], 0.2 * torch.sin(2 * time_s)
    pose[:, 3] = 0.2 * amount[:, 0]
    shape = 0.8 * torch.randn(head.shape_size, generator=torch.Generator().manual_seed(seed))
    return Sequence(expression.numpy(), pose.numpy(), FPS, shape.numpy())


def film(head: HeadModel, sequence: Sequence, seed: int, path: Path) -> None:
    """Write the sequence as MP4 in studio light, with a sampled texture."""
    generator, random = Generator.load("builtin"), torch.Generator().manual_seed(seed)
    w = generator.mapping(torch.randn(1, 512, generator=random), truncation=0.7)
    texture = generator.synthesis(w).clamp(-1, 1)
    renderer, camera = Renderer(head, SIZE, background=0.2), Camera(torch.tensor([[6.5, 0, 0.03]]))
    frames = []
    for vertices in posed(head, sequence).split(1):
        image, _ = renderer(vertices, texture, camera, light=Light.studio())
        pixels = (image[0].permute(1, 2, 0) * 127.5 + 127.5).clamp(0, 255).round()
        frames.append(pixels.byte().numpy())
    write_video(path, frames, FPS)


def posed(head: HeadModel, sequence: Sequence) -> torch.Tensor:
    """Vertices (T, V, 3)."""
    shape = torch.from_numpy(sequence.shape).expand(len(sequence), -1)
    return head(shape, torch.from_numpy(sequence.expression), torch.from_numpy(sequence.pose))


def compare(head: HeadModel, true: Sequence, found: Sequence) -> dict[str, object]:
    """Correlations of strong components, and how far the mouth opens."""
    spread = true.expression.std(0)
    strong = [int(k) for k in np.argsort(-spread) if spread[k] >= 0.5 * spread.max()]
    pairs = [(true.expression[:, k], found.expression[:, k]) for k in strong]
    openings = []
    for sequence in (true, found):
        points = landmark_vertices(head, posed(head, sequence))
        apart = (points[:, INNER_LIPS[0]] - points[:, INNER_LIPS[1]]).norm(dim=1)
        openings.append(float(apart.max() - apart.min()))
    turns = np.corrcoef(true.pose[:, 1], found.pose[:, 1])[0, 1]
    return {
        "strong": strong,
        "correlations": [round(float(np.corrcoef(a, b)[0, 1]), 3) for a, b in pairs],
        "opening_ratio": round(openings[1] / openings[0], 3),
        "yaw_correlation": round(float(turns), 3),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=3)
    parser.add_argument("--encoder", default="landmarks", choices=["landmarks", "photometric"])
    parser.add_argument("--sheet", type=Path)
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/track.json"))
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    head = encoder.head
    true = laugh(head, options.seed)
    with torch.no_grad(), tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "laugh.mp4"
        film(head, true, options.seed, clip)
        start = time.perf_counter()
        found = track(open_footage(clip), FPS, encoder)
        seconds = time.perf_counter() - start
        facts = compare(head, true, found.sequence)
        if options.sheet:
            drawn = list(preview_frames(open_footage(clip), found, head))
            cut = slice(60, 452)
            save_image(options.sheet, np.concatenate([f[:, cut] for f in drawn[2::12]], 1))
    facts |= {"frames": FRAMES, "seconds": round(seconds, 2), "residual": round(found.residual, 4)}
    print(", ".join(f"{name} {value}" for name, value in facts.items()))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


if __name__ == "__main__":
    main()
