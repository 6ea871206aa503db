"""Files that a mesh names: its materials, pictures and buffers."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from pathlib import Path

from clipface_cli.errors import InputError

_READINGS = 8  # of one name, at most
_DRIVE = re.compile(r"^[A-Za-z]:/")


class References:
    """Finds files by the names that a mesh gives them, whatever system it was written on.

    Names may be spelt in another case, as paths of Windows, or absolute: a file of that name beside
    the mesh is meant then. What lies outside the mesh's folder is followed only where
    `allow_outside` says so.
    """

    def __init__(self, mesh: Path, allow_outside: bool = False) -> None:
        self.mesh, self.folder, self._allow_outside = mesh, mesh.parent, allow_outside
        self._roots = {mesh.parent.resolve(), mesh.resolve().parent}
        self._names: dict[Path, dict[str, list[str]]] = {}

    def find(self, name: str, base: Path | None = None) -> Path | None:
        """The file, or None where there is none; a comment after the name is left out.

        base: folder of the file that gives the name, such as a material library's, tried before
        the mesh's own. Raises InputError where only a file outside the mesh's folder is meant.
        """
        folders = list(dict.fromkeys([base or self.folder, self.folder]))
        spellings = [portable(reading) for reading in readings(name)]
        for text in filter(None, spellings):
            named = [self._named(folder, text) for folder in folders]
            beside = [self._step(folder, posixpath.basename(text)) for folder in folders]
            for path in filter(None, named + beside):
                if self._may_follow(path):
                    return path
            if any(path is not None and _is_file(path) for path in named):
                raise InputError(
                    f"{self.mesh} names {text}, which lies outside of its folder; move it there, "
                    "or add --allow-outside to edit, animate, export or view."
                )
        return None

    def _named(self, folder: Path, text: str) -> Path | None:
        """The file at a path from a folder, or an absolute one."""
        if _DRIVE.match(text) or "\0" in text:
            return None
        text = posixpath.normpath(text)
        if text.startswith(("/", "..")):
            return folder / text if _is_file(folder / text) else None
        path: Path | None = folder
        for part in text.split("/"):
            path = path and self._step(path, part)
        return path

    def _step(self, folder: Path, part: str) -> Path | None:
        """An entry of a folder by its name, else by the only one that differs in case."""
        if folder not in self._names:
            names: dict[str, list[str]] = {}
            self._names[folder] = names
            try:
                for entry in sorted(path.name for path in folder.iterdir()):
                    names.setdefault(_folded(entry), []).append(entry)
            except OSError:
                pass  # no folder: nothing is found in it
        alike = self._names[folder].get(_folded(part), [])
        if part in alike:
            return folder / part
        return folder / alike[0] if len(alike) == 1 else None

    def _may_follow(self, path: Path) -> bool:
        """Whether the path is a plain file inside the mesh's folder, or any one is allowed."""
        if not path.is_file():
            return False
        real = path.resolve()
        return self._allow_outside or any(root in real.parents for root in self._roots)


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False  # a name that no file can have


def portable(name: str) -> str:
    """A name without blanks and quotes around it, with slashes."""
    return name.strip().strip('"').replace("\\", "/")


def readings(text: str) -> list[str]:
    """Meanings of a name, which may hold a # and be followed by a comment: the longest first."""
    ends = [len(text), *(match.start() for match in reversed([*re.finditer(r"\s#", text)]))]
    kept = ends[: _READINGS // 2] + ends[_READINGS // 2 :][-_READINGS // 2 :]
    return [text[:end].strip() for end in kept]


def readable(text: str) -> str:
    """Text of another encoding than UTF-8, decoded with surrogate escapes, as Latin-1."""
    try:
        data = text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return text.encode("utf-8", "replace").decode("utf-8")  # halves of characters, from JSON
    return text if len(data.decode("utf-8", "ignore")) == len(text) else data.decode("latin-1")


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", readable(name)).casefold()
