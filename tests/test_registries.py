"""Registries, from which a user picks by a word: adding one is one entry of a dict."""

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from toy_guidance import MeanColour

from clipface_cli.cli import app
from clipface_cli.cli.command import run
from clipface_cli.edit import DEFAULT, EditModels, PromptReader
from clipface_cli.edit.initialization import INITIALIZATIONS
from clipface_cli.guidance import load_guidance
from clipface_cli.guidance.registry import GUIDANCES, Kind
from clipface_cli.head import HeadModel
from clipface_cli.photos import load_encoder, load_parser
from clipface_cli.photos.registry import ENCODERS, PARSERS
from clipface_cli.texture import GENERATOR_FORMATS, Generator, GeneratorWeights
from clipface_cli.viewer import EXPORTERS, Exporter, ExportRequest


def test_a_guidance(monkeypatch: pytest.MonkeyPatch) -> None:
    toy = Kind(lambda source: source == "colour", lambda _: MeanColour())
    monkeypatch.setitem(GUIDANCES, "toy", toy)
    assert load_guidance("colour").name == "mean-colour"


def test_an_encoder_and_a_parser(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ENCODERS, "toy", lambda path, head: SimpleNamespace(path=path, head=head))
    monkeypatch.setitem(PARSERS, "toy", lambda path: SimpleNamespace(path=path))
    assert load_encoder("toy:weights.pt").path == "weights.pt"
    assert load_parser("toy").path == ""


def test_an_initialization(monkeypatch: pytest.MonkeyPatch, head: HeadModel) -> None:
    def shifted(request, start):
        return SimpleNamespace(**vars(start) | {"w_offset": start.w_offset + 1})

    monkeypatch.setitem(INITIALIZATIONS, "toy", shifted)
    settings = SimpleNamespace(**vars(DEFAULT) | {"initialization": ("toy",)})
    settings.target_length = settings.prompt_parts = False
    generator = SimpleNamespace(device=torch.device("cpu"))
    person = SimpleNamespace(w=torch.zeros(1, 2, 4))
    models = EditModels(head, generator, MeanColour())
    (stage,) = PromptReader(models, person, settings).stages("red", 0)
    assert stage.start.w_offset.tolist() == torch.ones(2, 4).tolist()


def test_a_generator_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    state = Generator.create(16, 64, 8, z_dim=16).state_dict()

    def read(path: Path) -> GeneratorWeights | None:
        return GeneratorWeights(state, "toy") if path.read_bytes() == b"TOY" else None

    monkeypatch.setitem(GENERATOR_FORMATS, "toy", read)
    (tmp_path / "generator.toy").write_bytes(b"TOY")
    generator = Generator.load(tmp_path / "generator.toy")
    assert (generator.resolution, generator.layout, generator.latent) == (16, "toy", "noise")


def test_an_export_format(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def write(request: ExportRequest) -> dict[str, object]:
        request.target.write_text(request.source.name)
        return {"toy": True}

    monkeypatch.setitem(EXPORTERS, "toy", Exporter(write))
    (tmp_path / "head.obj").touch()
    target = tmp_path / "out.toy"
    assert run(app, ["export", str(tmp_path / "head.obj"), "-o", str(target)]) == 0
    assert target.read_text() == "head.obj"
