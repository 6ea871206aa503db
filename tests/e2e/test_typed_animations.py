"""Animations without -o: the last line on stdout names the result, in the current folder."""

from pathlib import Path

import numpy as np
import published
import pytest
from tests.e2e.conftest import Alone

from clipface_cli.artifacts import load_pixels, read_sidecar, sidecar_path
from clipface_cli.artifacts.sequence import read_npz, write_sequence
from clipface_cli.avatar import sample_subject
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@pytest.mark.slow
def test_animate(alone: Alone, seq_npz: Path) -> None:
    made, told = alone("animate seq.npz --prompt Laughing --config fast.toml")
    assert made == Path("seq-laughing/animation.mp4")
    assert "No --mesh: the head is sampled (seed 0)." in told


@pytest.mark.slow
def test_animate_somebody(alone: Alone, seq_npz: Path) -> None:
    sequence = read_npz(seq_npz)
    sequence.shape = np.linspace(1, -1, 80, dtype=np.float32)
    write_sequence(seq_npz, sequence)
    made, told = alone("animate seq.npz --prompt Laughing --config fast.toml --static")
    assert "the head has the sequence's shape and a sampled texture (seed 0)" in told
    shape = read_sidecar(sidecar_path(alone.folder / made.parent / "edited.obj")).shape[0]
    assert shape[:80].tolist() == sequence.shape.tolist()
    assert not shape[80:].any()


@pytest.mark.slow
def test_animate_by_a_published_mapper(
    alone: Alone, seq_npz: Path, head: HeadModel, generator: Generator
) -> None:
    published.write_motion_mapper(alone.folder / "angry.pt", generator.num_ws)
    made, _ = alone("animate laugh --mapper angry.pt --config fast.toml")
    assert made == Path("laugh-angry-pt/animation.mp4")
    assert any(name.endswith("angry.pt") for name in alone.record(made.parent)["inputs"])
    sampled = sample_subject(head, generator, 0).texture
    texture = load_pixels(alone.folder / made.parent / "edited.png") / 127.5 - 1
    assert np.abs(texture - sampled[0].permute(1, 2, 0).numpy()).mean() > 0.01
