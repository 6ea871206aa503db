"""`clipface export`: a textured head in another file format, as a film, or many on a sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._models import load_head
from clipface_cli.cli._options import Force, HeadSource, named_after
from clipface_cli.cli._progress import Advance, progress
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from clipface_cli.artifacts import Mesh, Pixels
    from clipface_cli.avatar import Rigged
    from clipface_cli.head import HeadModel

FORMATS = ("obj", "ply", "stl", "glb", "html")
BESIDE = {".obj": (".mtl", ".png"), ".ply": (".png",)}  # what a format writes beside its file
PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
TURN_FRAMES, TURN_FPS = 72, 24.0
FILM = 512  # pixels a side of a turntable
CHUNK = 12  # frames for which the head is prepared once
CARD = 256  # pixels a side of a sheet's pictures
BLANK = 240  # grey of a card that has no mesh
ORIGINAL = "original"


def export(
    meshes: Annotated[
        list[Path],
        typer.Argument(metavar="MESH.obj...", help="A textured head; several for --sheet."),
    ],
    kind: Annotated[
        Literal["obj", "ply", "stl", "glb", "html"] | None,
        typer.Option("--format", help="File format [by the output's ending, or glb]."),
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
    force: Force = False,
) -> Result:
    """Write a textured head as GLB, HTML page, OBJ, PLY or STL.

    GLB is rigged and holds everything in one file; OBJ has its MTL and PNG beside it. With
    --turntable and neither --format nor -o only the film is written.
    """
    if sheet is not None:
        return _sheet(meshes, sheet, head, force)
    if len(meshes) > 1:
        raise InputError("Give one mesh, or --sheet OUT.png for a picture of several.")
    mesh, ending = meshes[0], kind or _format(output, turntable)
    if ending in ("glb", "html") and (up != "y" or units != "m"):
        raise InputError(
            "glTF is always y up and in metres, and programs convert it; leave --up and --units "
            "out, or write obj, ply or stl."
        )
    from clipface_cli.artifacts import claim_file

    if turntable is not None:
        claim_file(_ending(turntable, "mp4"), force)
    facts: dict[str, object] = {}
    made = []
    if ending:
        made.append(_ending(output or named_after(mesh, f".{ending}"), ending))
        _claim(made[0], mesh, force)
        facts |= _convert(mesh, made[0], head, resolution, up, PER_METRE[units])
    if turntable is not None:
        _film(mesh, turntable, head)
        made.append(turntable)
        facts["turntable"] = str(turntable)
    return Result(made[0], facts)


def _format(output: Path | None, turntable: Path | None) -> str:
    """The format that the output's ending tells, else glb; none where only a film is asked for."""
    if output is None:
        return "glb" if turntable is None else ""
    ending = output.suffix.lstrip(".").lower()
    if ending not in FORMATS:
        raise InputError(f"Say which format to write: --format {', '.join(FORMATS)}.")
    return ending


def _ending(path: Path, ending: str) -> Path:
    if path.suffix.lower() != f".{ending}":
        raise InputError(f"{path} does not end in .{ending}; rename it.")
    return path


def _claim(target: Path, mesh: Path, force: bool) -> None:
    """Make sure of the output and the files beside it; InputError where it is the mesh itself."""
    from clipface_cli.artifacts import claim_file

    if mesh.exists() and target.exists() and target.samefile(mesh):
        raise InputError(f"{target} is the mesh itself; name another file with -o.")
    for ending in (target.suffix, *BESIDE.get(target.suffix.lower(), ())):
        claim_file(target.with_suffix(ending), force)


def _convert(
    path: Path, target: Path, head: str | None, resolution: int | None, up: str, scale: float
) -> dict[str, object]:
    """Write the mesh in the format that `target` ends in."""
    from clipface_cli.artifacts import (
        read_obj,
        turned,
        write_obj,
        write_ply,
        write_rig,
        write_stl,
    )
    from clipface_cli.avatar import load_rigged, read_textured
    from clipface_cli.viewer import dress

    ending = target.suffix.lower()
    if ending == ".glb":
        model = load_head(head, path)
        made = load_rigged(path, model)
        rig, texture = made.rig, _resized(made.texture, resolution)
        if made.params is not None:
            (rig,) = dress(model, (rig, texture))
        write_rig(target, rig, texture)
        return _facts(rig.mesh) | {
            "morph_targets": list(rig.targets),
            "joints": [joint.name for joint in rig.joints],
            "parts": [part.name for part in rig.parts],
        }
    if ending == ".html":
        return _page(path, target, head, resolution)
    if ending == ".stl":
        mesh = read_obj(path)
        write_stl(target, turned(mesh, up, scale))
        return _facts(mesh)
    mesh, texture = read_textured(path)
    write = write_obj if ending == ".obj" else write_ply
    write(target, turned(mesh, up, scale), _resized(texture, resolution))
    return _facts(mesh)


def _page(path: Path, target: Path, head: str | None, resolution: int | None) -> dict[str, object]:
    """One HTML file with everything in it."""
    from clipface_cli.artifacts import write_page
    from clipface_cli.viewer import shown_mesh, with_original

    made = with_original(path, load_head(head, path))
    write_page(target, path.stem, shown_mesh(path, ""), made.glb(resolution))
    return {"bytes": target.stat().st_size}


def _facts(mesh: Mesh) -> dict[str, object]:
    return {"vertices": len(mesh.vertices), "faces": len(mesh.faces)}


def _resized(texture: Pixels, resolution: int | None) -> Pixels:
    from clipface_cli.artifacts import enlarge

    if resolution is None:
        return texture
    if texture.shape[0] != texture.shape[1]:
        raise InputError("--resolution needs a square texture; leave it out.")
    return enlarge(texture, resolution)


def _film(path: Path, target: Path, source: str | None) -> None:
    """The head turning once about its axis, from the front."""
    import math

    import torch

    from clipface_cli.artifacts import write_video
    from clipface_cli.portrait import portraits

    head = load_head(source, path)
    made = _head_only(path, head)
    vertices = torch.from_numpy(made.mesh.vertices).float()
    views = [(2 * math.pi * k / TURN_FRAMES, 0.0) for k in range(TURN_FRAMES)]

    def frames(advance: Advance) -> Iterator[Pixels]:
        for first in range(0, TURN_FRAMES, CHUNK):
            some = views[first : first + CHUNK]
            yield from portraits(head, vertices, made.texture, some, FILM)
            advance(first + len(some), "")

    with progress("Filming the turntable", TURN_FRAMES) as advance:
        write_video(target, frames(advance), TURN_FPS)


def _sheet(paths: list[Path], target: Path, source: str | None, force: bool) -> Result:
    """Portraits in a grid: a row for each person, a column for each prompt."""
    import numpy as np
    import torch

    from clipface_cli.artifacts import claim_file, contact_sheet, save_image
    from clipface_cli.portrait import portrait

    claim_file(_ending(target, "png"), force)
    head = load_head(source, paths[0])
    people: dict[bytes, str] = {}
    cards: dict[tuple[bytes, str], Pixels] = {}
    with progress("Portraits", len(paths)) as advance:
        for done, path in enumerate(paths, 1):
            made = _head_only(path, head)
            person, look = _person(made), _look(made)
            if look == ORIGINAL or person not in people:
                people[person] = path.stem if look == ORIGINAL else path.parent.name
            vertices = torch.from_numpy(made.mesh.vertices).float()
            cards[person, look] = portrait(head, vertices, made.texture, resolution=CARD)
            advance(done, "")
    looks = list(dict.fromkeys(look for _, look in cards))
    looks.sort(key=lambda look: look != ORIGINAL)
    blank = np.full((CARD, CARD, 3), BLANK, np.uint8)
    rows = [[cards.get((person, look), blank) for look in looks] for person in people]
    save_image(target, contact_sheet(rows, looks, list(people.values())))
    return Result(target, {"heads": list(people.values()), "prompts": looks})


def _head_only(path: Path, head: HeadModel) -> Rigged:
    """The mesh, which a portrait can only be made of when it is this head's."""
    from clipface_cli.avatar import load_rigged

    made = load_rigged(path, head)
    if made.params is None:
        raise InputError(
            f"{path} is not the head {head.head_id} ({len(made.mesh.vertices)} vertices, not "
            f"{len(head.template)}); portraits are made of heads such as `sample` writes."
        )
    return made


def _person(made: Rigged) -> bytes:
    """Whose head it is: edits leave the shape alone."""
    return b"" if made.params is None else made.params.shape.numpy().round(2).tobytes()


def _look(made: Rigged) -> str:
    """The prompts so far."""
    return ", ".join(str(edit["prompt"]) for edit in made.history) or ORIGINAL
