"""Table 2: cells that are done once, cells that fail, the table and the report."""

import json
from dataclasses import replace

import pytest
import torch
import torch.nn.functional as F
from toy_guidance import MeanColour

from clipface_cli.avatar import Subject, save_subject
from clipface_cli.baselines import Budget
from clipface_cli.edit import EditModels
from clipface_cli.errors import ClipfaceError, InputError
from clipface_cli.evaluation import (
    METHODS,
    Comparison,
    Scorer,
    Study,
    ablation_names,
    compare,
    find_heads,
    method_of,
    scorer,
    write_study,
)
from clipface_cli.evaluation.cells import prompt_folders
from clipface_cli.evaluation.methods import Outcome
from clipface_cli.head import HeadParams
from clipface_cli.metrics import Features, Identity
from clipface_cli.texture import Generator

SIDE = 32


class Tinted:
    """A method that turns the texture red, and counts its calls."""

    title, usual_steps, calls = "Tinted", 1, 0

    def __call__(self, person, prompt, models, budget, seed, callback=None):
        self.calls += 1
        if prompt == "interrupt":
            raise KeyboardInterrupt
        red = person.texture.clone()
        red[:, 0] = 1
        params, entry = person.params, {"prompt": prompt}
        edited = person.edited(params.expression, person.w, red, entry)
        return Outcome(edited, [1.0, 0.5], 0.1, {"rate": 1}, ("a",), ("A toy.",))


class Broken(Tinted):
    """One that fails."""

    title = "Broken"

    def __call__(self, *_):
        raise ClipfaceError("no luck")


@pytest.fixture
def tinted(monkeypatch):
    monkeypatch.setattr(compare, "PORTRAIT", 64)
    monkeypatch.setattr("clipface_cli.evaluation.report.PORTRAIT", 64)
    monkeypatch.setattr(scorer, "RESOLUTION", 32)
    method = Tinted()
    monkeypatch.setitem(METHODS, "tinted", method)
    monkeypatch.setitem(METHODS, "broken", Broken())
    return method


@pytest.fixture
def made(head, tmp_path):
    torch.manual_seed(0)
    generator = Generator.create(SIDE, 256, 16, 16, 2).eval().requires_grad_(False)
    w = generator.mapping(torch.randn(1, 16))
    texture = (0.2 * generator.synthesis(w)).clamp(-1, 1)
    save_subject(tmp_path / "heads/one.obj", Subject(HeadParams.neutral(), w, texture), head)

    def comparison(prompts=("red", "Red!"), methods=("tinted", "broken"), **facts):
        heads = find_heads([tmp_path / "heads"])
        study = Study(tmp_path / "study", heads, prompts, methods, Budget(steps=2), facts=facts)
        pooled = Features("toy", lambda images: F.adaptive_avg_pool2d(images, 2).flatten(1))
        identity = Identity("toy", lambda images: images.mean((2, 3)))
        score = Scorer(head, pooled, [MeanColour()], identity)
        return study, Comparison(study, head, EditModels(head, generator, MeanColour()), score)

    return comparison


def test_cells_are_done_once_and_failures_stop_nothing(made, tinted, tmp_path):
    study, comparison = made()
    study.claim(False)
    comparison.run(lambda done, note: None)
    assert tinted.calls == 2
    assert [failure["error"] for failure in study.failures] == ["no luck", "no luck"]
    study, comparison = made(methods=("tinted",))
    study.claim(False)
    comparison.run(lambda done, note: None)
    assert tinted.calls == 2
    record = json.loads((tmp_path / "study/cells/tinted/one/red/cell.json").read_text())
    assert record["status"] == "done"
    assert record["clip_score"] > 0
    assert record["steps"] == 2
    assert 0 < record["identity"] < 1


def test_an_interrupt_costs_one_cell(made, tinted):
    study, comparison = made(prompts=("red", "interrupt", "blue"), methods=("tinted",))
    study.claim(False)
    with pytest.raises(KeyboardInterrupt):
        comparison.run(lambda done, note: None)
    assert [cell.done for cell in study.cells] == [True, False, False]


def test_the_table_and_the_report(made, tinted):
    study, comparison = made()
    study.claim(False)
    comparison.run(lambda done, note: None)
    table, files = write_study(study, comparison, torch.rand(8, 12))
    rows = {row["name"]: row for row in table.as_dicts()}
    assert rows["Tinted"]["edits"] == "2 of 2"
    assert rows["Tinted"]["FID"]["mean"] > 0
    assert rows["Broken: failed (no luck)"]["edits"] == "0 of 2"
    assert any(row["source"] == "paper" for row in table.as_dicts())
    assert "Tinted: A toy." in table.markdown()
    report = files[0].read_text()
    assert "http" not in report
    assert report.count("data:image/jpeg") == 4  # a head before and after, for two prompts
    assert "no luck" in report
    assert [path.name for path in files if path.suffix == ".png"] == ["red.png", "red.2.png"]


def test_other_settings_need_another_folder(made, tinted):
    study, comparison = made(guidance="a")
    study.claim(False)
    comparison.run(lambda done, note: None)
    other, _ = made(guidance="b")
    with pytest.raises(InputError, match="guidance a, not b"):
        other.claim(False)
    other.claim(True)
    assert not any(cell.done for cell in other.cells)


def test_heads_by_name(tmp_path):
    for name in ("a/x.obj", "b/x.obj"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    assert list(find_heads([tmp_path / "a"])) == ["x"]
    with pytest.raises(InputError, match="one name"):
        find_heads([tmp_path / "a", tmp_path / "b"])
    with pytest.raises(InputError, match="holds no OBJ"):
        find_heads([tmp_path / "none.obj"])


def test_names_of_methods():
    with pytest.raises(InputError, match="clipmatrix"):
        method_of("clipmatrx")
    names = ablation_names(["paper", "default-length"])
    assert names == [
        "paper-pretraining",
        "paper-texture-code",
        "paper-direction",
        "paper-regularizer",
        "default-length",
    ]
    with pytest.raises(InputError, match="paper-direction"):
        ablation_names(["paper-directions"])


def test_folders_of_prompts_differ():
    assert list(prompt_folders(["Red", "red!", "red.2"]).values()) == ["red", "red.2", "red-2"]


def test_moved_vertices_are_kept(made, tinted, head, tmp_path, monkeypatch):
    class Moved(Tinted):
        def __call__(self, *arguments, **_):
            outcome = super().__call__(*arguments)
            shift = torch.full_like(head.template, 0.01)[None]
            params = replace(outcome.subject.params, displacement=shift)
            return replace(outcome, subject=replace(outcome.subject, params=params))

    monkeypatch.setitem(METHODS, "tinted", Moved())
    study, comparison = made(methods=("tinted",))
    study.claim(False)
    comparison.run(lambda done, note: None)
    assert all(cell.done for cell in study.cells)
