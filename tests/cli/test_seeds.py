"""Lists of seeds: one grammar for all options."""

import pytest

from clipface_cli.cli import app
from clipface_cli.cli.command import run
from clipface_cli.cli.options import parse_seeds
from clipface_cli.errors import InputError


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("7", [7]), ("0-3,7", [0, 1, 2, 3, 7]), ("3:8", [3, 8]), ("1, 1,2", [1, 2])],
)
def test_lists(text, seeds):
    assert parse_seeds("--seeds", text) == seeds


@pytest.mark.parametrize("text", ["", "x", "1-", "-1", "1,,2", "0-99999999999999", "²"])
def test_what_is_no_list(text):
    with pytest.raises(InputError, match="--seeds"):
        parse_seeds("--seeds", text)


@pytest.mark.parametrize(
    ("text", "steps"), [("3", "4"), ("3:x", "4"), ("1:2:3", "4"), ("3:8", "1"), ("1:2:3:4", "40")]
)
def test_interpolation_is_between_two_or_four(text, steps, capsys):
    assert run(app, ["sample", "--interpolate", text, "-n", steps]) == 2
    assert "--interpolate" in capsys.readouterr().err
