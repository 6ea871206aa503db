"""The painters' numbers as TOML tables that can be edited without touching code.

One file holds one creature or costume look, or one feature of people. Lengths are metres on the
canonical head (y up from the eyes, z to the front, `side` the distance from the middle plane),
colours sRGB 0..255, amounts shares in 0..1. A `ramp` [a, b] is 0 at a and 1 at b, whichever is
larger; a `spot` [x, y, w, h] is a soft ellipse around (x, y), a `band` [x, w] a soft strip around
x: both are 1 in the middle and 1/e at the distance w. `channels` weigh darkening in red, green and
blue. A `layout` is the number of a random pattern.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from clipface_cli.artifacts.toml import read_toml


class Table:
    """A TOML table with its entries as attributes: numbers, lists, and tables within it."""

    def __init__(self, name: str, entries: dict[str, Any]) -> None:
        self._name = name
        self.entries = {
            key: Table(f"{name}.{key}", value) if isinstance(value, dict) else value
            for key, value in entries.items()
        }

    def __getattr__(self, key: str) -> Any:
        entries = self.__dict__.get("entries", {})
        if key not in entries:
            raise AttributeError(f"The painters' table {self.__dict__.get('_name')} lacks {key!r}.")
        return entries[key]

    def __getitem__(self, key: str) -> Any:
        """An entry whose name is a word of Python's, such as `from`."""
        return self.__getattr__(key)


@cache
def table(name: str) -> Table:
    """The table of a file here: `looks/zombie`, `lips`; InputError where it is missing."""
    return Table(name, read_toml(Path(__file__).parent / f"{name}.toml"))


def look_table(look: str) -> Table:
    """The table of a creature or costume look, such as `white walker`."""
    return table(f"looks/{look.replace(' ', '_')}")
