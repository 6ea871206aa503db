"""Encode renders of random heads with known parameters: errors and seconds, as JSON.

Heads, expressions, poses, cameras, embedded textures and lights are drawn from a seed. The errors
are medians over the heads: vertices under the landmarks, in millimetres, moved onto the true ones
without and with scaling (a photo does not tell how large a head is), and the pose's angles.
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from scipy.spatial.transform import Rotation

from clipface_cli.geometry.similarity import similarity
from clipface_cli.head import HeadModel
from clipface_cli.photos import Face, find_faces, load_encoder
from clipface_cli.photos.encoder import Encoded, Encoder, joined, landmark_vertices
from clipface_cli.render import Camera, Light, Renderer
from clipface_cli.synth import draw_expression, random_units
from clipface_cli.texture import Generator

RESOLUTION = 512
TABLES = ("shape", "expression", "pose", "camera")


def draw(head: HeadModel, random: np.random.Generator) -> dict[str, torch.Tensor]:
    """A head and its camera, every table (1, n)."""
    units = random_units(draw_expression(random), random)
    expression = head.expression_from_units(units).numpy() + 0.15 * random.standard_normal(50)
    turns = random.normal(0, 0.12), random.uniform(-0.5, 0.5), random.normal(0, 0.08)
    jaw = random.uniform(0, 0.2) if random.random() < 0.3 else 0.0
    camera = random.uniform(5.7, 7.5), *random.uniform(-0.012, 0.012, 2)
    row = {
        "shape": 0.8 * random.standard_normal(100),
        "expression": expression,
        "pose": np.array([np.clip(turns[0], -0.35, 0.35), *turns[1:], jaw, 0, 0]),
        "camera": np.array(camera) + np.array([0, 0, 0.03]),
    }
    return {name: torch.from_numpy(values).float()[None] for name, values in row.items()}


def draw_light(random: np.random.Generator) -> Light:
    """Ambient light from some side and a key light before the head."""
    ambient = torch.zeros(1, 9, 3)
    ambient[0, 0] = random.uniform(1.0, 2.2)
    ambient[0, 1:4] = torch.from_numpy(random.normal(0, 0.15, (3, 1))).float()
    toward = torch.tensor([[random.normal(0, 0.6), random.normal(0.3, 0.4), 1.0]])
    key = torch.full((1, 3), float(random.uniform(0.2, 0.6)))
    return Light(ambient, toward, key, gloss=0.1)


def render(head: HeadModel, count: int, seed: int) -> dict[str, np.ndarray]:
    """Images (N, R, R, 3) and tables of `count` heads; five share a texture."""
    random, generator = np.random.default_rng(seed), Generator.load("builtin")
    latent = torch.Generator().manual_seed(seed)
    rows, images = [], []
    for index in range(count):
        if index % 5 == 0:
            w = generator.mapping(torch.randn(1, 512, generator=latent))
            texture = generator.synthesis(w).clamp(-1, 1)
        row = draw(head, random)
        background = torch.from_numpy(random.uniform(-1, 1, 3)).float()
        renderer = Renderer(head, RESOLUTION, background=background)
        vertices = head(row["shape"], row["expression"], row["pose"])
        image, _ = renderer(vertices, texture, Camera(row["camera"]), light=draw_light(random))
        pixels = (image[0].permute(1, 2, 0) * 127.5 + 127.5).clamp(0, 255).round()
        images.append(pixels.byte().numpy())
        rows.append(row)
    tables = {name: torch.cat([row[name] for row in rows]).numpy() for name in TABLES}
    return {"image": np.stack(images), **tables}


def angles(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Degrees (N, 3) of yaw, pitch and roll between rotations (N, 3) in axis-angle."""
    turns = [Rotation.from_rotvec(v).as_euler("YXZ", degrees=True) for v in (first, second)]
    return np.abs(turns[0] - turns[1])


def compare(
    head: HeadModel, encoded: Encoded, truth: dict[str, np.ndarray], rows: list[int]
) -> dict[str, float]:
    """Medians of the errors."""
    shape, expression, pose = (torch.from_numpy(truth[n][rows]) for n in TABLES[:3])
    true = landmark_vertices(head, head(shape, expression, pose)).double()
    found = landmark_vertices(head, head.pose_head(encoded.params)).double()
    moved, scaled = [], []
    for a, b in zip(found, true, strict=True):
        placing = similarity(a, b)
        scaled.append((placing.apply(a) - b).norm(dim=1).mean())
        rigid = (a - a.mean(0)) @ placing.rotation.T + b.mean(0)
        moved.append((rigid - b).norm(dim=1).mean())
    in_view = (found - found.mean(1, keepdim=True)) - (true - true.mean(1, keepdim=True))
    off = angles(encoded.params.pose[:, :3].numpy(), pose[:, :3].numpy())
    return {
        "in_camera_mm": 1000 * float(in_view.norm(dim=2).mean(1).median()),
        "rigid_mm": 1000 * float(torch.stack(moved).median()),
        "scaled_mm": 1000 * float(torch.stack(scaled).median()),
        **dict(zip(("yaw", "pitch", "roll"), np.median(off, 0).round(3).tolist(), strict=True)),
        "residual": float(encoded.residual.median()),
    }


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--heads", type=int, default=200)
    parser.add_argument("--seed", type=int, default=11)
    parser.add_argument("--renders", type=Path, help="file to keep the renders in between runs")
    parser.add_argument("--encoder", default="landmarks", choices=["landmarks", "photometric"])
    parser.add_argument("--out", type=Path, default=Path("benchmarks/out/encode.json"))
    options = parser.parse_args()
    encoder = load_encoder(options.encoder)
    head = encoder.head
    with torch.no_grad():
        if options.renders and options.renders.exists():
            truth = dict(np.load(options.renders))
        else:
            truth = render(head, options.heads, options.seed)
        if options.renders:
            np.savez(options.renders, **truth)
        start = time.perf_counter()
        faces = [find_faces(image, limit=1) for image in truth["image"]]
        looking = time.perf_counter() - start
        rows = [index for index, found in enumerate(faces) if found]
        shown = [faces[index][0] for index in rows]
        start = time.perf_counter()
        encoded = encode(encoder, truth["image"], shown, rows)
        fitting = time.perf_counter() - start
        facts = {"heads": len(truth["image"]), "found": len(rows)}
        facts |= compare(head, encoded, truth, rows)
    facts |= {
        "look_ms": 1000 * looking / len(truth["image"]),
        "fit_ms": 1000 * fitting / len(rows),
        "threads": torch.get_num_threads(),
    }
    print(", ".join(f"{name} {value:.4g}" for name, value in facts.items()))
    options.out.parent.mkdir(parents=True, exist_ok=True)
    options.out.write_text(json.dumps(facts, indent=2) + "\n")
    print(options.out)


def encode(encoder: Encoder, images: np.ndarray, faces: list[Face], rows: list[int]) -> Encoded:
    """In batches, as `preprocess` does."""
    starts = range(0, len(rows), 32)
    return joined([encoder.encode(images[rows[i : i + 32]], faces[i : i + 32]) for i in starts])


if __name__ == "__main__":
    main()
