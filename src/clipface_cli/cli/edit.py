"""`clipface edit`: change one textured head by a prompt."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    MeshFile,
    Seed,
    TextureOnly,
    pick_device,
)
from clipface_cli.cli._progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.artifacts import Pixels
    from clipface_cli.edit import EditSettings, Subject
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator

    Change = Callable[[Subject], tuple[Subject, dict[str, float]]]

PORTRAIT = 768


def edit(
    mesh: MeshFile,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What the face should look like."),
    ] = None,
    mapper: Annotated[
        Path | None,
        typer.Option(
            "--mapper", metavar="RUN", help="Instead of --prompt: what `train-mapper` made."
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write into [MESH-PROMPT]."),
    ] = None,
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 50,
    texture_only: TextureOnly = False,
    seed: Seed = 0,
    guidance: GuidanceSource = "builtin",
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    force: Force = False,
) -> Result:
    """Optimise texture and expression of a head until its renders match the prompt.

    Writes edited.obj, .mtl, .png and sidecar, before_after.png and run.json.
    """
    name = _request(prompt, mapper)
    folder = output or Path(f"{mesh.stem}-{slug(name)}")
    from clipface_cli.artifacts import RunRecord, claim_folder, save_image
    from clipface_cli.cli._models import load_generator, load_head
    from clipface_cli.edit import EditSettings, load_subject, save_subject

    schedule = EditSettings(steps=steps, texture_only=texture_only, seed=seed)
    record = RunRecord(
        {
            "prompt": prompt,
            "mapper": mapper,
            "head": head,
            "generator": generator,
            "guidance": guidance,
            **asdict(schedule),
            "device": pick_device(device),
        },
        [mesh, mesh.with_suffix(".png")],
    )
    with record.timing("load"):
        model = load_head(head, mesh)
        network = load_generator(generator, model)
        subject = load_subject(mesh, model, network)
        if mapper:
            change = _by_mapper(mapper, network)
        else:
            change = _by_prompt(name, guidance, model, network, schedule)
    claim_folder(folder, force)
    with record.timing("edit"):
        edited, scores = change(subject)
    target, picture = folder / "edited.obj", folder / "before_after.png"
    save_subject(target, edited, model)
    with record.timing("render"):
        save_image(picture, _compare(model, subject, edited, name))
    record.write(folder, [target, picture], **scores)
    return Result(target, {"picture": str(picture), **scores})


def _request(prompt: str | None, mapper: Path | None) -> str:
    """What the edit is called; InputError unless exactly one of the two is given."""
    if (prompt is None) == (mapper is None):
        raise InputError("Give either --prompt TEXT or --mapper RUN.")
    name = mapper.name if mapper else (prompt or "").strip()
    if not name:
        raise InputError("--prompt is empty; say what the face should look like.")
    return name


def _by_mapper(folder: Path, network: Generator) -> Change:
    """One pass of trained mappers."""
    from clipface_cli.edit import Mappers, apply_mappers

    mappers = Mappers.load(folder)
    return lambda subject: (apply_mappers(subject, mappers, network, folder.name), {})


def _by_prompt(
    prompt: str, guidance: str, head: HeadModel, network: Generator, schedule: EditSettings
) -> Change:
    """Optimisation towards a prompt; warns about words that the guidance does not know."""
    from clipface_cli.edit import edit_mesh
    from clipface_cli.guidance import load_guidance

    towers = load_guidance(guidance)
    if warning := towers.understood(prompt).warning():
        say(warning)

    def change(subject: Subject) -> tuple[Subject, dict[str, float]]:
        with progress(f"Editing: {prompt}", schedule.steps) as advance:
            result = edit_mesh(
                subject,
                prompt,
                head,
                network,
                towers,
                schedule,
                lambda step, _, similarity: advance(step, f"similarity {similarity:.2f}"),
            )
        return result.subject, {"similarity_start": result.start, "similarity": result.end}

    return change


def _compare(head: HeadModel, before: Subject, after: Subject, name: str) -> Pixels:
    """Front and three-quarter portraits of both."""
    from clipface_cli.artifacts import before_after
    from clipface_cli.render.portrait import portraits

    first, second = (
        portraits(head, head.pose_head(s.params)[0], s.texture[0], resolution=PORTRAIT)
        for s in (before, after)
    )
    return before_after(first, second, name)


def slug(prompt: str) -> str:
    """A prompt as part of a file name: "Mona Lisa!" -> "mona-lisa"."""
    return re.sub(r"[^\w]+", "-", prompt.lower()).strip("-")[:40] or "edit"
