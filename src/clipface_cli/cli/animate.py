"""`clipface animate`: a head moved by a sequence, its texture changing with the expression."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipface_cli.cli import edit_options as options
from clipface_cli.cli.command import Result
from clipface_cli.cli.models import load_generator, load_head, load_on, weight_files
from clipface_cli.cli.options import (
    AllowOutside,
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    Seed,
    pick_device,
)
from clipface_cli.cli.progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.artifacts.sequence import Sequence
    from clipface_cli.avatar import Subject
    from clipface_cli.edit import (
        AnimateSettings,
        Animation,
        Clip,
        EditModels,
        MotionMapper,
    )
    from clipface_cli.edit.stages import Stage
    from clipface_cli.guidance import Guidance
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator


FASTEST = 1000  # frames a second


def animate(
    sequence: Annotated[
        str,
        typer.Argument(
            metavar="SEQ",
            help="laugh, angry, speech, yawn; an imported one by name; a seq.npz, an ARKit CSV, a "
            "folder of DECA's pickles, or a video.",
        ),
    ],
    mesh: Annotated[
        Path | None,
        typer.Option(
            "--mesh",
            "-m",
            metavar="MESH.obj",
            help="The textured head to move [a sampled one, in the sequence's own shape].",
        ),
    ] = None,
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What the face should look like."),
    ] = None,
    mapper: Annotated[
        str | None,
        typer.Option(
            "--mapper",
            metavar="RUN",
            help="Instead: what an earlier `animate` wrote, or a published video mapper.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="DIR", help="Folder to write into [SEQ-PROMPT]."),
    ] = None,
    static: Annotated[
        bool, typer.Option("--static", help="One texture for all frames, to compare with.")
    ] = False,
    fps: Annotated[
        float | None, typer.Option("--fps", help="Frames a second [the sequence's].")
    ] = None,
    yaw: Annotated[
        float, typer.Option("--view", help="Degrees the head is turned by.", min=-180, max=180)
    ] = 0.0,
    resolution: Annotated[
        int, typer.Option("--resolution", help="Pixels a side of a picture.", min=64, max=1024)
    ] = 384,
    preset: options.Preset = "default",
    template: options.Template = None,
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Optimisation steps [60; of the paper 20000].", min=1),
    ] = None,
    frames: Annotated[
        bool, typer.Option("--frames/--no-frames", help="Write each frame's texture.")
    ] = True,
    seed: Seed = 0,
    guidance: GuidanceSource = "builtin",
    head: HeadSource = None,
    generator: GeneratorSource = "builtin",
    device: Device = "auto",
    allow_outside: AllowOutside = False,
    force: Force = False,
) -> Result:
    """Move a head by a sequence and texture it by a prompt, strongest where it moves most.

    Writes animation.mp4 (original, static and dynamic texture, shaded and unlit), animation.glb,
    frames/*.png, edited.obj with the strongest frame's texture, and run.json. Ctrl-C ends the
    optimisation and films what there is.
    """
    name = _request(prompt, mapper, static)
    if fps is not None and not 0 < fps <= FASTEST:
        raise InputError(f"--fps must be positive and at most {FASTEST}, not {fps:g}.")
    where = pick_device(device)
    from clipface_cli.artifacts import RunRecord, claim_folder, slug
    from clipface_cli.avatar.motion import moved_subject, read_motion
    from clipface_cli.edit import Animation, EditModels
    from clipface_cli.guidance import load_guidance
    from clipface_cli.viewer.animation_files import FILM, FilmOptions, write_animation_files
    from clipface_cli.viewer.film import FilmScene

    folder = output or Path(f"{Path(sequence).stem}-{slug(name)}")
    sources = {
        "sequence": sequence,
        "prompt": prompt,
        "mapper": mapper,
        "static": static,
        "head": head,
        "guidance": guidance,
        "generator": generator,
        "seed": seed,
        "device": where,
    }
    meshes = [] if mesh is None else [mesh, mesh.with_suffix(".png")]
    record = RunRecord(sources, [*meshes, Path(sequence), *weight_files(mapper)])
    with record.timing("load"):
        model = load_head(head, mesh)
        motion = read_motion(sequence, model, progress)
        motion.fps = fps or motion.fps
        network = load_generator(generator, model, where)
        subject, whose = moved_subject(mesh, motion, model, network, seed, allow_outside)
        subject = subject.to(where)
    if whose:
        say(whose)
    clip = _clip(motion).to(where)
    columns: dict[str, Animation | None] = {"original": None}
    if mapper is not None:
        moved = _mapper(mapper, network, model).to(where)
        claim_folder(folder, force)
        columns[name] = Animation.of(subject, network, moved, clip)
    else:
        models = EditModels(load_on(model, where), network, load_on(load_guidance(guidance), where))
        settings = _settings(preset, models.guidance, steps, template, seed)
        stage = _stage(name, subject, models, settings)
        record.add_settings(asdict(settings))
        record.add_settings({"sentences": [settings.edit.source, *stage.sentences]})
        claim_folder(folder, force)
        with record.timing("optimise"):
            columns |= _optimised(models, stage, subject, clip, settings, static)
    shown = FilmScene(model, network, subject.to("cpu"), columns)
    how = FilmOptions(motion.fps, yaw, resolution, frames)
    with record.timing("render"), progress("Filming", len(clip)) as advance:
        facts = write_animation_files(folder, shown, name, how, lambda done: advance(done, ""))
    record.write(folder, sorted(folder.glob("*.*")), **facts)
    interrupted = any(made and made.interrupted for made in columns.values())
    return Result(folder / FILM, facts, interrupted=interrupted)


def _request(prompt: str | None, mapper: str | None, static: bool) -> str:
    """Name of the animation; InputError unless exactly one of the two is given."""
    if (prompt is None) == (mapper is None):
        raise InputError("Give either --prompt TEXT or --mapper RUN.")
    if mapper is not None and static:
        raise InputError("--static is trained for a prompt; leave --mapper out.")
    name = Path(mapper).resolve().name if mapper is not None else (prompt or "").strip()
    if not name:
        raise InputError("--prompt is empty; say what the face should look like.")
    return name


def _clip(motion: Sequence) -> Clip:
    """The sequence with the importance of its frames."""
    import torch

    from clipface_cli.edit import Clip

    return Clip.of(torch.from_numpy(motion.expression), torch.from_numpy(motion.pose))


def _settings(
    preset: str, towers: Guidance, steps: int | None, template: str | None, seed: int
) -> AnimateSettings:
    """A preset with what the command line says."""
    from clipface_cli.edit import animate_settings

    settings = animate_settings(preset, towers)
    given = {"steps": steps, "template": template}
    changed: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    return replace(settings, seed=seed, edit=replace(settings.edit, seed=seed, **changed))


def _stage(prompt: str, subject: Subject, models: EditModels, settings: AnimateSettings) -> Stage:
    """Target of the prompt; warns about words that the guidance does not know."""
    from clipface_cli.edit import PromptReader

    if warning := models.guidance.understood(prompt).warning():
        say(warning)
    return PromptReader(models, subject, settings.edit).whole(prompt, 0)


def _mapper(source: str, network: Generator, head: HeadModel) -> MotionMapper:
    """A trained mapper; InputError where it fits another generator or head."""
    from clipface_cli.edit import MotionMapper

    mapper = MotionMapper.load(source)
    sizes = (mapper.w_dim, mapper.expression)
    if sizes != (network.w_dim, head.expression_size) or mapper.levels not in (1, network.num_ws):
        raise InputError(f"{source} was trained for another generator or head.")
    return mapper


def _optimised(
    models: EditModels,
    stage: Stage,
    subject: Subject,
    clip: Clip,
    settings: AnimateSettings,
    static: bool,
) -> dict[str, Animation | None]:
    """The columns of the film by name: a static texture, then one that follows the frames."""
    from clipface_cli.edit import animate as optimise

    def made(kind: str, start: Animation | None) -> Animation:
        with progress(f"Optimising the {kind} texture", settings.edit.steps) as advance:
            return optimise(
                models,
                stage,
                subject,
                clip,
                settings,
                static=start,
                dynamic=kind == "dynamic",
                callback=lambda step, _, similarity: advance(
                    step, lambda: f"similarity {float(similarity):.2f}"
                ),
            )

    if not (static or settings.static_start):
        return {"dynamic": made("dynamic", None)}
    columns: dict[str, Animation | None] = {"static": (flat := made("static", None))}
    if not static and not flat.interrupted:
        columns["dynamic"] = made("dynamic", flat)
    return columns
