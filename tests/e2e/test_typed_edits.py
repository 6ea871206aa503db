"""Edits and mappers without -o: the last line on stdout names the result."""

import json
from dataclasses import asdict, replace
from pathlib import Path

import published
import pytest
import torch
from tests.e2e.conftest import Alone

from clipface_cli.artifacts import read_sidecar, sidecar_path
from clipface_cli.edit import PAPER
from clipface_cli.texture import Generator


@pytest.mark.slow
def test_edit(alone: Alone, mesh_obj: Path) -> None:
    made, _ = alone('edit mesh.obj --prompt "Mona Lisa"')
    assert made == Path("mesh-mona-lisa/edited.obj")
    assert alone.record(made.parent)["results"]["similarity"] > 0.3
    history = read_sidecar(sidecar_path(alone.folder / made)).history
    assert [entry["prompt"] for entry in history] == ["Mona Lisa"]


def test_train_mapper_and_edit_by_it(alone: Alone, mesh_obj: Path) -> None:
    made, _ = alone("train-mapper --prompt zombie --steps 2")
    assert made == Path("zombie-mapper")
    assert alone.record(made)["settings"]["steps"] == 2
    edited, _ = alone("edit mesh.obj --mapper zombie-mapper")
    assert edited == Path("mesh-zombie-mapper/edited.obj")
    assert len(alone.record(edited.parent)["inputs"]) == 4  # the mesh, its texture, both mappers


def test_heads_and_mappers_of_codes(alone: Alone, generator: Generator) -> None:
    z = torch.randn(3, generator.z_dim, generator=torch.Generator().manual_seed(0))
    codes = generator.mapping(z, 0.7)
    assert codes.shape == (3, 18, 512)
    published.write_codes(alone.folder / "latents", codes)
    made, _ = alone("sample --codes latents")
    assert made == Path("heads")
    assert len(list((alone.folder / made).glob("*.obj"))) == 3
    sidecar = read_sidecar(sidecar_path(alone.folder / made / "002.obj"))
    assert torch.equal(sidecar.w[0], codes[2])
    made, _ = alone("train-mapper --codes latents --prompt ghost --steps 2")
    assert made == Path("ghost-mapper")
    assert alone.record(made)["settings"]["codes"] == "latents"


@pytest.mark.slow
def test_the_papers_step_from_published_mappers(alone: Alone, mesh_obj: Path) -> None:
    published.write_zero_mappers(alone.folder / "zero.pt")
    line = 'edit mesh.obj --prompt "Mona Lisa" --start zero.pt --preset paper --steps 1'
    made, _ = alone(line)
    assert made == Path("mesh-mona-lisa/edited.obj")
    record = alone.record(made.parent)
    numbers = json.loads(json.dumps(asdict(replace(PAPER, steps=1))))
    assert numbers.items() <= record["settings"].items()
    assert record["settings"]["start"] == "zero.pt"
    assert record["results"]["sentences"] == {
        "source": "A photo of a face",
        "targets": ["A photo of a face that looks like Mona Lisa"],
    }
    assert "zero.pt" in record["inputs"]
