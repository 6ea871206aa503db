"""A textured head mesh of any origin as a rig, for engines and the viewer."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from clipface_cli.artifacts import (
    Mesh,
    Pixels,
    Rig,
    load_pixels,
    read_obj,
    read_sidecar,
    sidecar_path,
)
from clipface_cli.avatar.subject import known_params
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel, HeadParams, fit_vertices, rig_of


@dataclass
class Rigged:
    """rig: plain, with params None, where the mesh is not this head's; texture (H, W, 3)."""

    mesh: Mesh
    rig: Rig
    texture: Pixels
    params: HeadParams | None
    history: list[dict[str, Any]] = field(default_factory=list)


def read_textured(path: Path, allow_outside: bool = False) -> tuple[Mesh, Pixels]:
    """A mesh and its texture (H, W, 3), 8-bit sRGB.

    Raises InputError where the mesh has no texture or no texture coordinates, and where its
    texture is not in its folder unless `allow_outside` is set; so do the functions below.
    """
    mesh = read_obj(path, allow_outside)
    if mesh.texture is None:
        raise InputError(f"{path} names no texture (map_Kd in its .mtl); there must be one.")
    texture = load_pixels(mesh.texture)
    if not len(mesh.uv):
        raise InputError(f"{path} has no texture coordinates; export it with them.")
    return mesh, texture


def load_rigged(path: Path, head: HeadModel, allow_outside: bool = False) -> Rigged:
    """Read a mesh; its sidecar says the parameters, or they are fitted to the vertices.

    Raises InputError for files that cannot be read. A mesh with another number of vertices than
    the head's stays without a rig.
    """
    mesh, texture = read_textured(path, allow_outside)
    sidecar = sidecar_path(path)
    known = read_sidecar(sidecar) if sidecar.is_file() else None
    history = known.history if known else []
    if len(mesh.vertices) != len(head.template):
        return Rigged(mesh, Rig.plain(mesh), texture, None, history)
    vertices = torch.from_numpy(mesh.vertices).float()
    params = known_params(known, vertices, head) or fit_vertices(head, vertices).params
    return Rigged(mesh, rig_of(head, params, vertices), texture, params, history)


def load_head_only(path: Path, head: HeadModel, allow_outside: bool = False) -> Rigged:
    """Read a mesh of this head, as portraits need it; InputError for one of another origin."""
    made = load_rigged(path, head, allow_outside)
    if made.params is None:
        raise InputError(
            f"{path} is not the head {head.head_id} ({len(made.mesh.vertices)} vertices, not "
            f"{len(head.template)}); portraits are made of heads such as `sample` writes."
        )
    return made
