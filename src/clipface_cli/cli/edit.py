"""`clipface edit`: change one textured head by a prompt."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    MeshFile,
    Seed,
    pick_device,
)
from clipface_cli.cli._progress import progress, say
from clipface_cli.errors import InputError

PORTRAIT = 768


def edit(
    mesh: MeshFile,
    prompt: Annotated[
        str, typer.Option("--prompt", "-p", metavar="TEXT", help="What the face should look like.")
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write into [MESH-PROMPT]."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 120,
    texture_only: Annotated[
        bool, typer.Option("--texture-only", help="Leave the expression as it is.")
    ] = False,
    seed: Seed = 0,
    guidance: GuidanceSource = "builtin",
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Optimise texture and expression of a head until its renders match the prompt.

    Writes edited.obj, .mtl, .png and sidecar, before_after.png and run.json.
    """
    if not prompt.strip():
        raise InputError("--prompt is empty; say what the face should look like.")
    folder = output or Path(f"{mesh.stem}-{slug(prompt)}")
    from clipface_cli.artifacts import RunRecord, before_after, claim_folder, save_image
    from clipface_cli.edit import EditSettings, edit_mesh, load_subject, save_subject
    from clipface_cli.guidance import load_guidance
    from clipface_cli.head import HeadModel
    from clipface_cli.render.portrait import portraits
    from clipface_cli.texture import Generator

    settings = {
        "prompt": prompt,
        "steps": steps,
        "texture_only": texture_only,
        "seed": seed,
        "guidance": guidance,
        "generator": generator,
        "device": pick_device(device),
    }
    record = RunRecord(settings, [mesh, mesh.with_suffix(".png")])
    with record.timing("load"):
        head, network = HeadModel.load(), Generator.load(generator)
        towers = load_guidance(guidance)
        subject = load_subject(mesh, head, network)
    claim_folder(folder, force)
    if warning := towers.understood(prompt).warning():
        say(warning)
    schedule = EditSettings(steps=steps, texture_only=texture_only, seed=seed)
    with record.timing("edit"), progress(f"Editing: {prompt}", steps) as advance:
        result = edit_mesh(
            subject,
            prompt,
            head,
            network,
            towers,
            schedule,
            lambda step, _, similarity: advance(step, f"similarity {similarity:.2f}"),
        )
    edited = folder / "edited.obj"
    save_subject(edited, result.subject, head)
    with record.timing("render"):
        before, after = (
            portraits(head, head.pose_head(s.params)[0], s.texture[0], resolution=PORTRAIT)
            for s in (subject, result.subject)
        )
        picture = folder / "before_after.png"
        save_image(picture, before_after(before, after, prompt))
    scores = {"similarity_start": result.start, "similarity": result.end}
    record.write(folder, [edited, picture], **scores)
    return Result(edited, {"picture": str(picture), **scores})


def slug(prompt: str) -> str:
    """A prompt as part of a file name: "Mona Lisa!" -> "mona-lisa"."""
    return re.sub(r"[^\w]+", "-", prompt.lower()).strip("-")[:40] or "edit"
