"""Head and generator of a command, by the words the user types."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator


def load_head(source: str | None, mesh: Path | None = None) -> HeadModel:
    """The head asked for, else the one a mesh's sidecar names, else the embedded one."""
    from clipface_cli.artifacts import read_sidecar, sidecar_path
    from clipface_cli.head import HeadModel

    if source is None and mesh is not None and sidecar_path(mesh).is_file():
        source = read_sidecar(sidecar_path(mesh)).head
    return HeadModel.load(source or "builtin")


def load_generator(source: str, head: HeadModel) -> Generator:
    """A generator that paints the head's texture layout."""
    from clipface_cli.texture import Generator, generator_for

    return generator_for(head, Generator.load(source))
