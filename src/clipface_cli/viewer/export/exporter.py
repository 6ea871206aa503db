"""Request of an export, and interface of a file format."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from clipface_cli.artifacts import Mesh, Pixels, claim_file, enlarge
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel

Facts = dict[str, object]


@dataclass(frozen=True)
class ExportRequest:
    """source: the mesh; target: the file to write; head: loads the source's head model.

    resolution: texels a side of the texture, None for its own; up: the axis that points up;
    per_metre: units of length a metre has; allow_outside: whether the texture may lie outside the
    source's folder.
    """

    source: Path
    target: Path
    head: Callable[[], HeadModel]
    resolution: int | None = None
    up: str = "y"
    per_metre: float = 1.0
    allow_outside: bool = False


@dataclass(frozen=True)
class Exporter:
    """write: makes the files and returns facts about them; beside: endings of the files that it
    writes beside the target; free_axes: whether the axis that points up and the unit of length may
    be chosen, which glTF fixes.
    """

    write: Callable[[ExportRequest], Facts]
    beside: tuple[str, ...] = ()
    free_axes: bool = True

    def claim(self, target: Path, source: Path, force: bool) -> None:
        """Make sure of every file that is going to be written.

        Raises InputError where one exists and `force` is off, and where one is the source's own.
        """
        own = [source, source.with_suffix(".png"), source.with_suffix(".mtl")]
        for ending in (target.suffix, *self.beside):
            made = target.with_suffix(ending)
            mine = [there for there in own if _same_file(there, made)]
            if source in mine:
                raise InputError(f"{made} is the mesh itself; name another file with -o.")
            claim_file(made, force)
            if mine:
                raise InputError(f"{made} belongs to the mesh; name another file with -o.")


def _same_file(one: Path, other: Path) -> bool:
    return one.exists() and other.exists() and one.samefile(other)


def mesh_facts(mesh: Mesh) -> Facts:
    """How large a mesh is."""
    return {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}


def resized(texture: Pixels, resolution: int | None) -> Pixels:
    """A square texture (H, W, 3) uint8 with this many texels a side, or as it is for None."""
    if resolution is None:
        return texture
    if texture.shape[0] != texture.shape[1]:
        raise InputError("--resolution needs a square texture; leave it out.")
    return enlarge(texture, resolution)
