"""The painters' tables: every look has one, every entry is read, and mistakes are named."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from clipface_cli.errors import InputError
from clipface_cli.synth import LOOKS, tables
from clipface_cli.synth.tables import Table, look_table, table

FOLDER = Path(tables.__file__).parent
NAMES = sorted(str(path.relative_to(FOLDER).with_suffix("")) for path in FOLDER.rglob("*.toml"))


def keys(part: Table) -> Iterator[str]:
    for key, value in part.entries.items():
        yield key
        if isinstance(value, Table):
            yield from keys(value)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "words"])
def test_every_entry_is_read(name: str) -> None:
    """Attributes that a look sets are read by their names in `person.py`."""
    code = " ".join(path.read_text() for path in FOLDER.parent.rglob("*.py"))
    words = set(re.findall(r"\w+", code))
    styles = {"buzz", "back", "side", "fringe", "curly", "long"}
    for key in set(keys(table(name))) - styles:
        assert key in words or key.removesuffix("_colour") in words, key


def test_every_look_has_a_table() -> None:
    assert {name for name in NAMES if name.startswith("looks/")} == {
        f"looks/{look.replace(' ', '_')}" for look in LOOKS[1:]
    }
    assert look_table("white walker").person.share > 0


def test_missing_entries_and_tables_are_named() -> None:
    with pytest.raises(AttributeError, match=r"looks/zombie\.blood lacks 'smell'"):
        _ = look_table("zombie").blood.smell
    with pytest.raises(InputError, match="mummy"):
        look_table("mummy")
