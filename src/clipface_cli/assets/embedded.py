"""The files that ship with the package."""

from pathlib import Path

from clipface_cli.errors import ClipfaceError

_FILES = Path(__file__).parent / "files"


def builtin(name: str) -> Path:
    """Path of an embedded file; raises ClipfaceError when the installation lacks it."""
    path = _FILES / name
    if not path.is_file():
        raise ClipfaceError(f"The embedded file {name} is missing; reinstall clipface-cli.")
    return path
