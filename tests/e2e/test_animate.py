"""A short sequence through `clipface animate`: film, pictures, GLB, mesh and mapper."""

import json
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from pygltflib import GLTF2

from clipface_cli.artifacts import load_pixels, read_obj, read_sidecar, sidecar_path
from clipface_cli.artifacts.sequence import Sequence, write_sequence
from clipface_cli.cli import app
from clipface_cli.cli.command import run as run_command
from clipface_cli.head import HeadModel

FAST = ["--steps", "1", "--resolution", "64"]


@pytest.fixture(scope="module")
def animated(heads: Path, folder: Path) -> Path:
    """The first head through three frames of an opening mouth."""
    opened = HeadModel.load().expression_from_units({"jawOpen": 0.8})
    expression = torch.tensor([0.0, 0.5, 1.0])[:, None] * opened
    sequence = Sequence(expression.numpy(), np.zeros((3, 6), np.float32), 10.0)
    write_sequence(folder / "open.npz", sequence)
    target = folder / "animated"
    arguments = [str(folder / "open.npz"), "--mesh", str(heads / "000.obj"), "--prompt", "zombie"]
    assert run_command(app, ["animate", *arguments, *FAST, "-o", str(target)]) == 0
    return target


def test_writes_everything(animated: Path, heads: Path) -> None:
    names = {str(path.relative_to(animated)) for path in animated.rglob("*") if path.is_file()}
    assert names == {
        "animation.mp4",
        "animation.glb",
        *(f"edited.{ending}" for ending in ("obj", "mtl", "png", "clipface.safetensors")),
        *(f"frames/{frame:04}.png" for frame in range(3)),
        "motion_mapper.safetensors",
        "run.json",
    }
    results = json.loads((animated / "run.json").read_text())["results"]
    assert results["importance"] == [0, 0.5, 1]
    assert results["strongest_frame"] == 2
    given, made = read_obj(heads / "000.obj"), read_obj(animated / "edited.obj")
    np.testing.assert_array_equal(made.vertices, given.vertices)
    history = read_sidecar(sidecar_path(animated / "edited.obj")).history
    assert history[-1]["prompt"] == "zombie"


def test_textures_follow_the_expression(animated: Path, heads: Path) -> None:
    original = load_pixels(heads / "000.png").astype(int)
    apart = [
        np.abs(load_pixels(animated / f"frames/{frame:04}.png") - original).mean()
        for frame in range(3)
    ]
    assert apart[0] < 0.5 < apart[1] < apart[2]


def test_film(animated: Path) -> None:
    reader = imageio_ffmpeg.read_frames(str(animated / "animation.mp4"))
    facts = next(reader)
    assert facts["fps"] == 10
    assert len(list(reader)) == 3
    width, height = facts["size"]
    assert width > 3 * 64
    assert height > 2 * 64


def test_glb(animated: Path) -> None:
    gltf = GLTF2().load(str(animated / "animation.glb"))
    variants = [v["name"] for v in gltf.extensions["KHR_materials_variants"]["variants"]]
    assert variants[-1] == "original"
    assert len(variants) > 1
    assert max(gltf.animations[0].extras["variants"]) == len(variants) - 2


def test_mapper_serves_another_head(animated: Path, heads: Path, folder: Path) -> None:
    target = folder / "applied"
    options = ["--mesh", str(heads / "001.obj"), "--mapper", str(animated), "--no-frames"]
    arguments = ["animate", str(folder / "open.npz"), *options, *FAST, "-o", str(target)]
    assert run_command(app, arguments) == 0
    assert not (target / "frames").exists()
    original = load_pixels(heads / "001.png").astype(int)
    assert np.abs(load_pixels(target / "edited.png") - original).mean() > 0.5
