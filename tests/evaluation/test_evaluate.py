"""Table 1: the same numbers in one run, in two, and on two processes."""

import json

import pytest
import torch
import torch.nn.functional as F

from clipface_cli.errors import InputError
from clipface_cli.evaluation import Evaluation, texture_table, uv_maps
from clipface_cli.evaluation.texture_models import LinearModel, load_texture_model
from clipface_cli.metrics import Features
from clipface_cli.synth import write_corpus, write_dataset
from clipface_cli.texture import LinearTexture
from clipface_cli.train.gan.dataset import Dataset

SIDE, IMAGES = 32, 12


@pytest.fixture(scope="module")
def people(tmp_path_factory):
    folder = tmp_path_factory.mktemp("people")
    write_corpus(folder / "corpus", 2, seed=3)
    write_dataset(folder / "corpus", folder / "dataset", IMAGES, SIDE, seed=3)
    return folder


@pytest.fixture(autouse=True)
def small(monkeypatch, tmp_path):
    monkeypatch.setenv("CLIPFACE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(texture_table, "FEWEST", 4)
    monkeypatch.setattr("clipface_cli.evaluation.feature_shards.SIZE", 5)


def linear(name, seed):
    random = torch.Generator().manual_seed(seed)
    mean, basis = (
        torch.rand(1, 3, SIDE, SIDE, generator=random) - 0.5,
        torch.rand(4, 3, SIDE, SIDE, generator=random),
    )
    return LinearModel(name, LinearTexture(mean, basis - 0.5))


@pytest.fixture
def evaluation(people, head, tmp_path):
    colours = Features("colours", lambda images: F.adaptive_avg_pool2d(images, 2).flatten(1))

    def made(folder="out", models=("a", "b"), images=IMAGES, uv=True, seed=0):
        return Evaluation(
            tmp_path / folder,
            Dataset.load(people / "dataset", SIDE, head),
            head,
            [linear(name, k) for k, name in enumerate(models)],
            colours,
            images,
            SIDE,
            uv_maps(people / "corpus", SIDE, asked=True) if uv else None,
            seed,
        )

    return made


def finished(one):
    one.claim(False)
    one.make(0, 1, lambda done: None)
    return one.write()[0].as_dicts()


def test_a_table_of_models(evaluation, tmp_path):
    rows = finished(evaluation(uv=False))
    measured = [row for row in rows if row["source"] == "measured"]
    assert [row["name"] for row in measured] == ["a", "b"]
    assert all(row["FID"]["mean"] > 0 and row["FID"]["error"] > 0 for row in measured)
    assert any("Slossberg" in row["name"] for row in rows)
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"table.md", "table.csv", "table.json", "samples.png"} <= names
    assert "colours" in (tmp_path / "out/table.md").read_text()


def test_interrupted_and_shared_runs_give_the_same(evaluation):
    whole = finished(evaluation("whole", uv=False))
    cut = evaluation("cut", uv=False)
    cut.claim(False)

    def stop(done):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cut.make(0, 1, stop)
    written = list(cut.folder.rglob("*.safetensors"))
    assert len(written) == 1
    before = written[0].stat().st_mtime_ns
    assert finished(evaluation("cut", uv=False)) == whole
    assert written[0].stat().st_mtime_ns == before
    shared = evaluation("shared", uv=False)
    shared.claim(False)
    shared.make(1, 2, lambda done: None)
    shared.make(0, 2, lambda done: None)
    assert shared.write()[0].as_dicts() == whole


def test_models_may_be_added_and_settings_may_not_change(evaluation, tmp_path):
    finished(evaluation(models=("a",), uv=False))
    assert len(finished(evaluation(models=("a", "b"), uv=False))) == 2 + 4
    with pytest.raises(InputError, match="seed 0, not 1"):
        evaluation(seed=1, uv=False).claim(False)
    (tmp_path / "else").mkdir()
    (tmp_path / "else/file").touch()
    with pytest.raises(InputError, match="something else"):
        evaluation("else", uv=False).claim(False)


def test_too_few_images_and_double_names(evaluation):
    with pytest.raises(InputError, match="3 images are too few"):
        evaluation(uv=False, images=3)
    with pytest.raises(InputError, match="2 UV maps are too few"):
        evaluation()
    with pytest.raises(InputError, match="name"):
        evaluation(uv=False, models=("a", "a"))


def test_a_damaged_file_is_named(evaluation):
    one = evaluation(uv=False)
    one.claim(False)
    one.make(0, 1, lambda done: None)
    (path, *_) = sorted(one.folder.rglob("*.safetensors"))
    path.write_bytes(b"damaged")
    with pytest.raises(InputError, match="damaged"):
        one.table()


def test_the_linear_model_by_name(head):
    assert load_texture_model("flametex", head)([0]).shape == (1, 3, 512, 512)
    with pytest.raises(InputError, match="flametex"):
        load_texture_model("other", head)


def test_each_texture_follows_from_its_seed():
    model = linear("a", 0)
    assert torch.equal(model([3, 4]), torch.cat([model([3]), model([4])]))
    assert json.dumps(model.version) == '""'
