"""Heads of a file or folder with their edits, as GLB for the viewer."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from clipface_cli.artifacts import (
    FILES,
    Pixels,
    Resource,
    Rig,
    Shown,
    enlarge,
    file_hash,
    read_sidecar,
    rig_bytes,
    sidecar_path,
)
from clipface_cli.avatar.rigged import Rigged, load_rigged
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.head.rig import VISIBLE
from clipface_cli.viewer.dress import dress

ORIGINAL = "original"  # the morph target and the texture that show a head before its edit
DEPTH = 3  # folders below the given one that are looked through
MOST = 200  # heads on one page


@dataclass
class Compared:
    """A head as it is and, where its run folder says from which mesh it was made, as it was."""

    now: Rigged
    before: Rigged | None
    head: HeadModel

    def glb(self, resolution: int | None = None) -> bytes:
        """The rig with the texture before and, as a morph target, the shape before."""
        before = None if self.before is None else _sized(self.before.texture, resolution)
        return rig_bytes(self._rig(), _sized(self.now.texture, resolution), original=before)

    def _rig(self) -> Rig:
        if not self.now.rig.joints:
            return self.now.rig
        looks = [(look.rig, look.texture) for look in (self.now, self.before) if look]
        rig, *before = dress(self.head, *looks)
        for earlier in before:
            moved = earlier.mesh.vertices - rig.mesh.vertices
            if np.abs(moved).max() >= VISIBLE:
                return replace(rig, targets={**rig.targets, ORIGINAL: moved})
        return rig


def with_original(path: Path, head: HeadModel, allow_outside: bool = False) -> Compared:
    """The mesh, and the one that an edit made it from."""
    now, source = load_rigged(path, head, allow_outside), _source(path)
    before = load_rigged(source, head, allow_outside) if source else None
    if before and before.params is None:
        before = None  # a scan with a surface of its own
    if before and before.texture.shape != now.texture.shape:
        before.texture = enlarge(before.texture, now.texture.shape[0])
    return Compared(now, before, head)


def find_shown(path: Path) -> list[Path]:
    """The OBJ and GLB files that a path means; InputError when there are none."""
    if path.is_file():
        if path.suffix.lower() not in (".obj", ".glb"):
            raise InputError(f"{path} is neither a .obj nor a .glb file, nor a folder of them.")
        return [path]
    if not path.is_dir():
        raise InputError(f"{path} does not exist; give a mesh or a folder such as `edit` writes.")
    found = [
        file
        for file in sorted(path.rglob("*"))
        if file.suffix.lower() in (".obj", ".glb")
        and len(file.relative_to(path).parts) <= DEPTH
        and not any(part.startswith(".") for part in file.relative_to(path).parts)
    ]
    if not found:
        raise InputError(f"{path} holds no .obj or .glb file; give a folder such as `edit` writes.")
    return found[:MOST]


def shown_mesh(path: Path, url: str) -> Shown:
    """How the page lists a mesh: its edits, and how well they went."""
    sidecar, run = sidecar_path(path), _run(path)
    history = read_sidecar(sidecar).history if sidecar.is_file() else []
    edits: list[dict[str, Any]] = [{"prompt": str(edit["prompt"])} for edit in history]
    similarity = run.get("results", {}).get("similarity")
    if edits and similarity is not None:
        edits[-1]["similarity"] = similarity
    generic = path.stem in ("edited", "animation") and path.parent.name
    note = ", ".join(edit["prompt"] for edit in edits)
    return Shown(path.parent.name if generic else path.stem, note, url, edits)


def listing(
    paths: list[Path],
    folder: Path,
    head: Callable[[Path], HeadModel],
    allow_outside: bool = False,
) -> tuple[list[Shown], dict[str, Resource]]:
    """The page's list, and what to answer for the address of each mesh; GLB files are served."""
    heads: list[Shown] = []
    resources: dict[str, Resource] = {}
    for number, path in enumerate(paths):
        if path.suffix.lower() == ".glb":
            url = FILES + path.resolve().relative_to(folder.resolve()).as_posix()
            heads.append(shown_mesh(path, url))
            continue
        url = f"/mesh/{number}.glb"
        heads.append(shown_mesh(path, url))
        resources[url] = ("model/gltf-binary", partial(_mesh_glb, path, head, allow_outside))
    return heads, resources


def _mesh_glb(path: Path, head: Callable[[Path], HeadModel], allow_outside: bool) -> bytes:
    return with_original(path, head(path), allow_outside).glb()


def _run(path: Path) -> dict[str, dict[str, Any]]:
    """run.json beside a mesh, where there is one."""
    try:
        found = json.loads((path.parent / "run.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) and path.name in found.get("outputs", []) else {}


def _source(path: Path) -> Path | None:
    """The mesh that the run folder names as its input, if it still is what it was."""
    for name, digest in _run(path).get("inputs", {}).items():
        for base in (Path(), path.parent, path.parent.parent):
            mesh = base / name
            if mesh.suffix.lower() == ".obj" and mesh.is_file() and file_hash(mesh) == digest:
                return mesh
    return None


def _sized(texture: Pixels, resolution: int | None) -> Pixels:
    return texture if resolution is None else enlarge(texture, resolution)
