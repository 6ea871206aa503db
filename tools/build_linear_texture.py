"""The linear texture model of the package: principal components of painted people.

    python tools/build_linear_texture.py

Paints people into OUT (a second run goes on from there; about a second each), fits mean and
components to their UV maps, and prints the error on held-out people.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.baselines.painted_texture import painted_texture, write_painted_texture
from clipface_cli.synth import load_texture, write_corpus
from clipface_cli.texture import LinearTexture

ASSET = Path("src/clipface_cli/assets/files/linear_texture.safetensors")
COMPONENTS = 50  # the paper's number of FLAME's (eq. 24)
QUALITY = 87  # of WebP
SEED = 31
TESTED = 20  # people at the end of the corpus that the model is not fitted to


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("runs/linear-texture"))
    parser.add_argument("--people", type=int, default=500)
    parser.add_argument("--asset", type=Path, default=ASSET)
    options = parser.parse_args()
    write_corpus(options.out, options.people + TESTED, SEED)
    files = sorted((options.out / "uv").glob("*.png"))
    textures = torch.stack([load_texture(path) for path in files])
    people, unseen = textures[: options.people], textures[options.people :]
    model = LinearTexture.fit(people, COMPONENTS)
    write_painted_texture(options.asset, model, QUALITY, len(people))
    stored = painted_texture(options.asset)
    print(f"{options.asset}: {options.asset.stat().st_size} bytes")
    for name, fitted in (("as fitted", model), ("as stored", stored)):
        print(f"{name}: unseen people to {remainder(fitted, unseen):.4f} of 2, root mean square")


def remainder(model: LinearTexture, textures: Tensor) -> float:
    """RMS residual of textures (N, 3, R, R) after their projection on the model."""
    basis, rest = model.basis.flatten(1), (textures - model.mean).flatten(1)
    nearest = torch.linalg.solve(basis @ basis.T, basis @ rest.T)
    return float((rest - nearest.T @ basis).square().mean().sqrt())


if __name__ == "__main__":
    main()
