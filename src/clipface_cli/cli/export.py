"""`clipface export`: a textured head in another file format."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import Force, MeshFile
from clipface_cli.errors import InputError


def export(
    mesh: MeshFile,
    kind: Annotated[
        Literal["obj", "ply", "glb"] | None,
        typer.Option("--format", help="File format [by the ending of the output]."),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="File to write [MESH.FORMAT]."),
    ] = None,
    force: Force = False,
) -> Result:
    """Write a textured mesh as OBJ (with MTL and PNG), PLY (with PNG) or GLB (all in one)."""
    from clipface_cli.artifacts import (
        claim_file,
        load_pixels,
        read_obj,
        write_glb,
        write_obj,
        write_ply,
    )

    ending = kind or (output.suffix.lstrip(".").lower() if output else "")
    writers = {"obj": write_obj, "ply": write_ply, "glb": write_glb}
    if ending not in writers:
        raise InputError("Say which format to write: --format obj, ply or glb.")
    target = output or mesh.with_suffix(f".{ending}")
    if target.suffix.lower() != f".{ending}":
        raise InputError(f"{target} does not end in .{ending}; rename it or change --format.")
    source = read_obj(mesh)
    if source.texture is None:
        raise InputError(f"{mesh} names no texture (map_Kd in its .mtl); there must be one.")
    texture = load_pixels(source.texture)
    if not len(source.uv):
        raise InputError(f"{mesh} has no texture coordinates; export it with them.")
    claim_file(target, force)
    writers[ending](target, source, texture)
    return Result(target, {"vertices": len(source.vertices), "faces": len(source.faces)})
