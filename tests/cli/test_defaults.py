"""Where commands write when no output is named."""

import json
from pathlib import Path

import pytest

from clipface_cli.cli import app, run
from clipface_cli.cli.options import named_after
from clipface_cli.errors import InputError
from clipface_cli.train import guidance


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: me/, which holds photos in ffhq/ and in some/deep/folder.v2/."""
    here = tmp_path / "me"
    for name in ("ffhq", "some/deep/folder.v2", ".cache", "-x"):
        (here / name).mkdir(parents=True)
    (here / "some/me.jpg").touch()
    (here / "linked").symlink_to(here / "some/deep")
    monkeypatch.chdir(here)
    return here


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("ffhq", "ffhq"),
        ("ffhq/", "ffhq"),
        ("./ffhq/.", "ffhq"),
        (".", "me"),
        ("ffhq/..", "me"),
        ("some/deep/folder.v2/", "folder.v2"),
        ("linked", "linked"),
        ("linked/..", "some"),
        ("some/me.jpg", "me"),
        ("nowhere.obj", "nowhere"),
        (".cache", "cache"),
        ("./-x", "x"),
        ("/", "root"),
    ],
)
@pytest.mark.usefixtures("here")
def test_named_after(typed: str, name: str) -> None:
    assert named_after(Path(typed), "-dataset") == Path(f"{name}-dataset")


def test_named_after_the_folder_above(here: Path) -> None:
    assert named_after(Path(".."), "-dataset") == Path(f"{here.parent.name}-dataset")


def test_photos_of_another_folder_are_not_mixed_in(here: Path) -> None:
    """Two folders of one name have one default."""
    from clipface_cli.cli.preprocess import default_output

    other = here / "some/ffhq"
    other.mkdir()
    assert default_output(other, force=False) == Path("ffhq-dataset")
    (here / "ffhq-dataset").mkdir()
    record = {"settings": {"photos": str(here / "ffhq")}}
    (here / "ffhq-dataset/run.json").write_text(json.dumps(record))
    with pytest.raises(InputError, match="was made of"):
        default_output(other, force=False)
    assert default_output(Path("ffhq"), force=False) == Path("ffhq-dataset")
    assert default_output(other, force=True) == Path("ffhq-dataset")
    (here / "ffhq").rmdir()  # moved elsewhere
    assert default_output(other, force=False) == Path("ffhq-dataset")


@pytest.mark.usefixtures("here")
def test_train_guidance(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def train(out: Path, *_: object) -> Path:
        (out / "guidance.safetensors").touch()
        return out / "guidance.safetensors"

    monkeypatch.setattr(guidance, "train_guidance", train)
    assert run(app, ["train-guidance", "--device", "cpu"]) == 0
    assert capsys.readouterr().out == "guidance/guidance.safetensors\n"
    assert run(app, ["train-guidance", "--device", "cpu"]) == 2
    assert "guidance is not empty" in capsys.readouterr().err
    assert run(app, ["train-guidance", "--device", "cpu", "--resume"]) == 0
