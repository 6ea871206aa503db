"""Material libraries (MTL) of Wavefront OBJ: which picture or colour each material has."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from clipface_cli.artifacts.references import readable, readings
from clipface_cli.errors import InputError

_COMMENT = re.compile(r"\s#\s")  # after the name of a new material
_VECTORS = ("-s", "-o", "-t")  # options of one to three numbers
_WORDS = ("-blendu", "-blendv", "-cc", "-bm", "-boost", "-imfchan", "-texres", "-type")  # unused


@dataclass(frozen=True)
class TextureMap:
    """A `map_Kd` statement: texel * gain + base at uv * scale + offset, 0 to 1, v upwards."""

    name: str
    scale: tuple[float, float] = (1.0, 1.0)
    offset: tuple[float, float] = (0.0, 0.0)
    base: float = 0.0
    gain: float = 1.0
    clamp: bool = False
    turbulent: bool = False  # which nothing here draws

    @property
    def is_plain(self) -> bool:
        """Whether the picture is shown as it is."""
        return self == TextureMap(self.name, clamp=self.clamp)


@dataclass
class Material:
    """Its library's folder; map: its picture; colour: its Kd (red, green, blue), 0 to 1 sRGB.

    Where there is a picture, Kd counts for nothing: programs write 0, 0.64 or 0.8 beside one.
    """

    folder: Path
    map: TextureMap | None = None
    colour: tuple[float, float, float] | None = None


@dataclass
class Materials:
    """Materials by their names."""

    named: dict[str, Material] = field(default_factory=dict)

    def get(self, name: str) -> Material | None:
        """The material of a `usemtl` statement, whose name may be followed by a comment."""
        found = (self.named.get(reading) for reading in readings(name))
        return next(filter(None, found), None)

    def read_library(self, path: Path) -> None:
        """Add a file's materials; InputError, with its line, for statements that make no sense."""
        material = Material(path.parent)
        for number, line in enumerate(read_lines(path), 1):
            keyword, rest = split(line)
            try:
                if keyword == "newmtl":
                    material = self.named[rest.strip()] = Material(path.parent)
                    self.named.setdefault(_COMMENT.split(rest, maxsplit=1)[0].strip(), material)
                elif keyword.lower() == "map_kd" and rest.strip():
                    material.map = _texture_map(rest)
                elif keyword == "Kd":
                    material.colour = _colour(rest)
            except (ValueError, IndexError) as error:
                raise InputError(
                    f"{path}, line {number}: cannot read {line[:60]!r}; export the mesh again."
                ) from error


def read_lines(path: Path) -> Iterator[str]:
    """The file's lines, whatever system wrote it; those that a backslash ends go on."""
    held = ""
    with path.open(encoding="utf-8-sig", errors="surrogateescape") as file:
        for line in file:
            text = readable(line.rstrip("\n"))
            if text.endswith("\\"):
                held += text[:-1] + " "
                continue
            yield held + text
            held = ""
    yield held


def split(line: str) -> tuple[str, str]:
    """Keyword and the rest of a statement."""
    words = line.split(None, 1)
    return (words[0], words[1]) if len(words) == 2 else ("", "")


def _texture_map(text: str) -> TextureMap:
    """Options such as `-s 2 2 1` and the picture's name, which may hold blanks."""
    words, vectors = text.split(), {"-s": (1.0, 1.0), "-o": (0.0, 0.0), "-t": (0.0, 0.0)}
    base, gain, clamp, name = 0.0, 1.0, False, text
    while words:
        option = words[0].lower()
        count = 2
        if option in _VECTORS:
            count = 1 + _numbers(words[1:4])
            default = vectors[option]
            given = [float(word) for word in words[1:count]]
            vectors[option] = (given[0], given[1] if len(given) > 1 else default[1])
        elif option == "-mm":
            base, gain, count = float(words[1]), float(words[2]), 3
        elif option == "-clamp":
            clamp = words[1].lower() == "on"
        elif option not in _WORDS:
            break
        words = words[count:]
        for _ in range(count):
            name = name.split(None, 1)[1]
    turbulent = vectors["-t"] != (0.0, 0.0)
    return TextureMap(name, vectors["-s"], vectors["-o"], base, gain, clamp, turbulent)


def _numbers(words: list[str]) -> int:
    """How many of the words, from the first, are numbers."""
    for count, word in enumerate(words):
        try:
            float(word)
        except ValueError:
            return count
    return len(words)


def _colour(text: str) -> tuple[float, float, float] | None:
    """Red, green and blue; one number is grey. None for spectra."""
    words = text.split("#", 1)[0].split()[:3]
    if words[0] in ("spectral", "xyz"):
        return None
    red, green, blue = (float(word) for word in (words if len(words) == 3 else words[:1] * 3))
    return red, green, blue
