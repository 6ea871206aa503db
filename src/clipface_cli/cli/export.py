"""`clipface export`: a textured head in another file format, as a film, or many on a sheet."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.models import load_head
from clipface_cli.cli.options import AllowOutside, Force, HeadSource, named_after
from clipface_cli.cli.progress import progress
from clipface_cli.errors import InputError

DEFAULT = "glb"
PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}


def export(
    meshes: Annotated[
        list[Path],
        typer.Argument(metavar="MESH.obj...", help="A textured head; several for --sheet."),
    ],
    kind: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="FORMAT",
            help="obj, ply, stl, glb or html [by the output's ending, or glb].",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="File to write [MESH.FORMAT, in this folder]."
        ),
    ] = None,
    resolution: Annotated[
        int | None,
        typer.Option("--resolution", help="Texels a side of the texture.", min=512, max=4096),
    ] = None,
    up: Annotated[
        Literal["y", "z"], typer.Option("--up", help="The axis that points up; glb: always y.")
    ] = "y",
    units: Annotated[
        Literal["m", "cm", "mm"], typer.Option("--units", help="Unit of length; glb: always m.")
    ] = "m",
    turntable: Annotated[
        Path | None,
        typer.Option("--turntable", metavar="OUT.mp4", help="Also film the head turning once."),
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(
            "--sheet", metavar="OUT.png", help="Instead: portraits of all meshes, heads x prompts."
        ),
    ] = None,
    head: HeadSource = None,
    allow_outside: AllowOutside = False,
    force: Force = False,
) -> Result:
    """Write a textured head as GLB, HTML page, OBJ, PLY or STL.

    GLB is rigged and holds everything in one file; OBJ has its MTL and PNG beside it. With
    --turntable and neither --format nor -o only the film is written.
    """
    if sheet is not None:
        return _sheet(meshes, sheet, head, allow_outside, force)
    if len(meshes) > 1:
        raise InputError("Give one mesh, or --sheet OUT.png for a picture of several.")
    from clipface_cli.artifacts import claim_file
    from clipface_cli.viewer import EXPORTERS, TURNTABLE_FRAMES, ExportRequest, write_turntable

    mesh, ending = meshes[0], _format(kind, output, turntable, list(EXPORTERS))
    if turntable is not None:
        claim_file(_ending(turntable, "mp4"), force)
    facts: dict[str, object] = {}
    made = []
    load = partial(load_head, head, mesh)
    if ending:
        exporter = EXPORTERS[ending]
        if not exporter.free_axes and (up != "y" or units != "m"):
            raise InputError(
                "glTF is always y up and in metres, and programs convert it; leave --up and "
                "--units out, or write obj, ply or stl."
            )
        made.append(_ending(output or named_after(mesh, f".{ending}"), ending))
        exporter.claim(made[0], mesh, force)
        request = ExportRequest(
            mesh, made[0], load, resolution, up, PER_METRE[units], allow_outside
        )
        facts |= exporter.write(request)
    if turntable is not None:
        with progress("Filming the turntable", TURNTABLE_FRAMES) as advance:
            write_turntable(mesh, turntable, load(), lambda done: advance(done, ""), allow_outside)
        made.append(turntable)
        facts["turntable"] = str(turntable)
    return Result(made[0], facts)


def _format(kind: str | None, output: Path | None, turntable: Path | None, known: list[str]) -> str:
    """The format asked for, else by the output's ending, else glb; "" where only a film is."""
    if kind is None and output is None:
        return DEFAULT if turntable is None else ""
    found = (kind or "").lower() or (output.suffix.lstrip(".").lower() if output else "")
    if found not in known:
        raise InputError(f"Say which format to write: --format {', '.join(known)}.")
    return found


def _ending(path: Path, ending: str) -> Path:
    if path.suffix.lower() != f".{ending}":
        raise InputError(f"{path} does not end in .{ending}; rename it.")
    return path


def _sheet(
    paths: list[Path], target: Path, source: str | None, allow_outside: bool, force: bool
) -> Result:
    from clipface_cli.artifacts import claim_file
    from clipface_cli.viewer import write_portrait_sheet

    claim_file(_ending(target, "png"), force)
    head = load_head(source, paths[0])
    with progress("Portraits", len(paths)) as advance:
        found = write_portrait_sheet(
            paths, target, head, lambda done: advance(done, ""), allow_outside
        )
    return Result(target, {"heads": found.people, "prompts": found.prompts})
