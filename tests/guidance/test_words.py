import numpy as np
import pytest
from safetensors.numpy import save_file

from clipface_cli.assets import builtin
from clipface_cli.errors import InputError
from clipface_cli.guidance.words import WordTable


@pytest.fixture(scope="module")
def table():
    return WordTable.load()


def found(table, prompt):
    tokens = table.tokenize(prompt)
    return [None if token.index is None else table.words[token.index] for token in tokens]


@pytest.mark.parametrize(
    ("prompt", "expected"),
    [
        ("A photo of Mona Lisa", ["a", "photo", "of", "mona lisa"]),
        ("the White-Walkers!", ["the", "white walkers"]),
        ("zombielike creatures", ["zombie", "creatures"]),
        ("sleepiest grinners", ["sleepy", "grin"]),
        ("the old man’s beard", ["the", "old", "man", "beard"]),
        ("  CAFÉ,naïve ", ["cafe", "naive"]),
        ("qqzzx 123 🙂", [None]),
        ("", []),
    ],
)
def test_tokenizer(table, prompt, expected):
    assert found(table, prompt) == expected


def test_vectors_are_unit_and_small(table):
    assert table.vectors.norm(dim=1).allclose(table.vectors.new_ones(()))
    assert builtin("words.safetensors").stat().st_size < 3_000_000


@pytest.mark.parametrize(
    ("word", "near", "far"),
    [("undead", "zombie", "laughing"), ("giggling", "laughing", "angry"), ("aged", "old", "lips")],
)
def test_neighbourhoods(table, word, near, far):
    rows = [table.row(w) for w in (word, near, far)]
    a, b, c = table.vectors[rows]
    assert a @ b > a @ c + 0.2


def test_names_of_the_paper_are_entries(table):
    names = "mona lisa|werewolf|barbie doll|ghost|witcher|dracula|zombie|party|gothic|white walker"
    expressions = "angry|happy|sad|laughing|surprised|disgusted|afraid|kissing|winking"
    assert all(name in table.words for name in f"{names}|{expressions}".split("|"))


def test_wrong_files_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"does not exist"):
        WordTable.load(tmp_path / "missing.safetensors")
    save_file({"codes": np.zeros((1, 2), np.int8)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"clipface-words file is needed"):
        WordTable.load(tmp_path / "other.safetensors")
