"""The contract of all subcommands: results, exit codes, sentences, configuration."""

import json
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Annotated

import pytest
import typer

from clipface_cli.cli import app, main
from clipface_cli.cli.command import Result, add_command, run
from clipface_cli.cli.options import pick_device
from clipface_cli.errors import ClipfaceError, ClipfaceWarning, InputError


@pytest.fixture
def toy() -> typer.Typer:
    """A command line with one command, and a second so that names are needed."""
    toy = typer.Typer()
    add_command(toy, "make", _make)
    add_command(toy, "other", _make)
    return toy


def _make(
    name: Annotated[str, typer.Argument()],
    size: Annotated[int, typer.Option("--size", min=0)] = 3,
    texture_only: Annotated[bool, typer.Option("--texture-only")] = False,
) -> Result:
    errors = {
        "input": InputError("The name is wrong; choose another."),
        "failure": ClipfaceError("The disk melted; buy a new one."),
        "bug": ZeroDivisionError("oops"),
        "interrupt": KeyboardInterrupt(),
    }
    if name in errors:
        raise errors[name]
    return Result(Path(name), {"size": size, "texture_only": texture_only})


def test_path_is_the_last_line(toy: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy, ["make", "a.obj"]) == 0
    assert capsys.readouterr().out == "a.obj\n"


def test_json_is_one_object(toy: typer.Typer, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(toy, ["make", "ä.obj", "--size", "5", "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out == {"path": "ä.obj", "size": 5, "texture_only": False}


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["make", "input"], 2, "choose another"),
        (["make", "failure"], 1, "buy a new one"),
        (["make", "bug"], 1, "--debug"),
        (["make", "interrupt"], 130, "Interrupted"),
        (["make"], 2, "make --help"),
        (["make", "a", "--size", "-1"], 2, "--size"),
        (["make", "a", "--sise", "1"], 2, "--size"),
        (["mak", "a"], 2, "'make'"),
    ],
)
def test_errors(
    toy: typer.Typer,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    code: int,
    words: str,
) -> None:
    assert run(toy, arguments) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert words in err
    assert len(err.splitlines()) == 1
    assert run(toy, [*arguments, "--debug"]) == code
    assert "Traceback" in capsys.readouterr().err


def test_config(toy: typer.Typer, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "a.toml"
    config.write_text('size = 4\n[make]\nname = "b.obj"\ntexture-only = true\n')
    assert run(toy, ["make", "--config", str(config), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out == {"path": "b.obj", "size": 4, "texture_only": True}
    assert run(toy, ["make", "c.obj", "--size", "6", "--config", str(config), "--json"]) == 0
    out = json.loads(capsys.readouterr().out)
    assert out == {"path": "c.obj", "size": 6, "texture_only": True}


@pytest.mark.parametrize(
    ("text", "words"), [("sise = 1", "no option 'sise'"), ("size =", "TOML"), (None, "not exist")]
)
def test_bad_config(
    toy: typer.Typer,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    text: str | None,
    words: str,
) -> None:
    config = tmp_path / "a.toml"
    if text is not None:
        config.write_text(text)
    assert run(toy, ["make", "a", "--config", str(config)]) == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["edit", "nope.obj", "--prompt", " "], "--prompt is empty"),
        (
            ["edit", "nope.obj"],
            "Give --prompt TEXT (or --prompts FILE), --mapper RUN or --undo",
        ),
        (["edit", "nope.obj", "--prompt", "ghost", "--undo"], "makes none"),
        (["edit", "nope.obj", "--prompt", "ghost", "--mapper", "run"], "run"),
        (["train-mapper", "-o", "run"], "--prompts FILE"),
        (["train-mapper", "--prompt", "", "-o", "run"], "--prompt is empty"),
        (["train-gan", "nope"], "clipface preprocess"),
        (["train-gan", "."], "is no dataset"),
        (["preprocess", "nope"], "There is no folder nope"),
        (["export", "nope.obj"], "does not exist"),
        (["export", "nope.obj", "-o", "nope"], "--format"),
        (["export", "nope.obj", "--format", "glb"], "does not exist"),
        (["export", "nope.obj", "--format", "glb", "-o", "a.ply"], "does not end in .glb"),
        (["sample", "-n", "0"], "--number"),
        (["sample", "--expression", "jawOpen"], "jawOpen=0.5"),
    ],
)
def test_wrong_input(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(app, arguments) == 2
    assert words in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_no_arguments_shows_help(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["clipface"])
    with pytest.raises(SystemExit, match="0"):
        main()
    assert "sample" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--help"], ["assets", "--help"]])
@pytest.mark.parametrize("width", [60, 80])
def test_lists_of_commands_are_not_cut_off(
    arguments: list[str],
    width: int,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(sys, "argv", ["clipface", *arguments])
    monkeypatch.setenv("COLUMNS", str(width))
    with pytest.raises(SystemExit, match="0"):
        main()
    listed = capsys.readouterr().out.partition("Commands")[2]
    assert listed
    assert "..." not in listed
    assert "…" not in listed
    assert max(map(len, listed.splitlines())) <= width


def test_help_keeps_words_in_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(app, ["synth", "--help"]) == 0
    assert "[one a core]" in " ".join(capsys.readouterr().out.split())
    assert run(app, ["assets", "import", "--help"]) == 0
    assert "[told from" in capsys.readouterr().out


def test_help_imports_nothing_heavy() -> None:
    code = (
        "import sys; from clipface_cli.cli import app, run; run(app, ['edit', '--help']);"
        "sys.exit(','.join({'torch', 'numpy', 'numba', 'PIL'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.strip() == ""
    assert "--prompt" in done.stdout


def test_a_device_is_picked(monkeypatch: pytest.MonkeyPatch) -> None:
    for there, picked in ((True, "cuda"), (False, "cpu")):
        monkeypatch.setattr("torch.cuda.is_available", lambda there=there: there)
        assert pick_device("auto") == picked
        assert pick_device("cpu") == "cpu"
    with pytest.raises(InputError, match="finds no GPU here; leave --device out"):
        pick_device("cuda")


def test_own_warnings_are_sentences(capsys: pytest.CaptureFixture[str]) -> None:
    def warned() -> Result:
        warnings.warn("a library's own affair", stacklevel=1)
        warnings.warn("It works, but slowly.", ClipfaceWarning, stacklevel=1)
        return Result(Path("made"))

    toy = typer.Typer()
    add_command(toy, "make", warned)
    add_command(toy, "other", _make)
    with warnings.catch_warnings():
        assert run(toy, ["make"]) == 0
    assert capsys.readouterr().err == "clipface: It works, but slowly.\n"
