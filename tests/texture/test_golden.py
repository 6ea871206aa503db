"""The published architecture, held to recorded inputs and outputs."""

from pathlib import Path

import numpy as np
import pytest
import torch

from clipface_cli.errors import InputError
from clipface_cli.texture import Discriminator, Generator

GOLDEN = Path(__file__).parents[1] / "data" / "golden"


def read(name: str) -> tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]:
    arrays = {k: torch.from_numpy(v) for k, v in np.load(GOLDEN / name).items()}
    state = {k.removeprefix("state/"): v for k, v in arrays.items() if k.startswith("state/")}
    return state, arrays


def test_generator_matches_published():
    state, golden = read("clipface_generator.npz")
    generator = Generator.from_state(state).eval()
    assert (generator.num_ws, generator.resolution) == (int(golden["num_ws"]), 64)
    with torch.no_grad():
        assert torch.allclose(generator.mapping(golden["z"]), golden["w"], atol=1e-5)
        truncated = generator.mapping(golden["z"], truncation=0.7)
        assert torch.allclose(truncated, golden["w_psi_0_7"], atol=1e-5)
        image = generator.synthesis(golden["w_plus"], noise="const")
    assert (image - golden["image"]).abs().max() < 1e-4


def test_discriminator_matches_published():
    state, golden = read("clipface_discriminator.npz")
    discriminator = Discriminator.from_state(state)
    with torch.no_grad():
        assert (discriminator(golden["image"]) - golden["logits"]).abs().max() < 1e-4


def test_generator_file_round_trip(tmp_path):
    state, golden = read("clipface_generator.npz")
    generator = Generator.from_state(state)
    generator.save(tmp_path / "generator.safetensors")
    again = Generator.load(tmp_path)
    assert not any(p.requires_grad for p in again.parameters())
    w = golden["w_plus"]
    assert torch.equal(again.synthesis(w), generator.synthesis(w).detach())
    generator.save(tmp_path / "half.safetensors", dtype=torch.float16)
    half = Generator.load(tmp_path / "half.safetensors")
    assert (half.synthesis(w) - golden["image"]).abs().max() < 0.05


def test_wrong_weights_are_refused(tmp_path):
    with pytest.raises(InputError):
        Generator.from_state({"weight": torch.zeros(1)})
    with pytest.raises(InputError):
        Generator.load(tmp_path / "absent.safetensors")
    (tmp_path / "broken.safetensors").write_bytes(b"not weights")
    with pytest.raises(InputError):
        Generator.load(tmp_path / "broken.safetensors")


def test_noise_modes_and_growing():
    generator = Generator.create(32, channel_max=16, z_dim=16, mapping_layers=2)
    for layer in generator.synthesis.modules():
        if hasattr(layer, "noise_strength"):
            layer.noise_strength.data.fill_(0.1)
    w = generator.mapping(torch.randn(3, 16))
    const = generator.synthesis(w)
    assert torch.equal(const, generator.synthesis(w, noise="const"))
    assert not torch.allclose(const, generator.synthesis(w, noise="random"))
    assert not torch.allclose(const, generator.synthesis(w, noise="none"))
    assert generator.synthesis(w, resolution=8).shape == (3, 3, 8, 8)
    with pytest.raises(ValueError, match="w must be"):
        generator.synthesis(w[:, :5])
