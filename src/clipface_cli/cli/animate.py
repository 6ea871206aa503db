"""`clipface animate`: a head moved by a sequence, its texture changing with the expression."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from clipface_cli.cli import _edit_options as options
from clipface_cli.cli._command import Result
from clipface_cli.cli._models import load_generator, load_head, load_on, weight_files
from clipface_cli.cli._options import (
    Device,
    Force,
    GeneratorSource,
    GuidanceSource,
    HeadSource,
    Seed,
    pick_device,
)
from clipface_cli.cli._progress import counted, progress, say
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
    from clipface_cli.viewer.film import FilmScene


@dataclass(frozen=True)
class FilmOptions:
    """yaw: degrees the head is turned by; resolution: pixels a side; frames: whether to write."""

    yaw: float
    resolution: int
    frames: bool


FASTEST = 1000  # frames a second
VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".gif")


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
    force: Force = False,
) -> Result:
    """Move a head by a sequence and texture it by a prompt, strongest where it moves most.

    Writes animation.mp4 (original, static and dynamic texture, shaded and unlit), animation.glb,
    frames/*.png, edited.obj with the strongest frame's texture, and run.json. Ctrl-C ends the
    optimisation and films what there is.
    """
    name, how = _request(prompt, mapper, static), FilmOptions(yaw, resolution, frames)
    if fps is not None and not 0 < fps <= FASTEST:
        raise InputError(f"--fps must be positive and at most {FASTEST}, not {fps:g}.")
    folder = output or Path(f"{Path(sequence).stem}-{options.slug(name)}")
    where = pick_device(device)
    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.edit import Animation, EditModels
    from clipface_cli.guidance import load_guidance
    from clipface_cli.viewer.film import FilmScene

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
        motion = _read(sequence, model)
        motion.fps = fps or motion.fps
        network = load_generator(generator, model, where)
        subject = _subject(mesh, motion, model, network, seed).to(where)
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
    with record.timing("render"):
        shown = FilmScene(model, network, subject.to("cpu"), columns)
        facts = _write(folder, shown, name, motion.fps, how)
    record.write(folder, sorted(folder.glob("*.*")), **facts)
    interrupted = any(made and made.interrupted for made in columns.values())
    return Result(folder / "animation.mp4", facts, interrupted=interrupted)


def _request(prompt: str | None, mapper: str | None, static: bool) -> str:
    """What the animation is called; InputError unless exactly one of the two is given."""
    if (prompt is None) == (mapper is None):
        raise InputError("Give either --prompt TEXT or --mapper RUN.")
    if mapper is not None and static:
        raise InputError("--static is trained for a prompt; leave --mapper out.")
    name = Path(mapper).resolve().name if mapper is not None else (prompt or "").strip()
    if not name:
        raise InputError("--prompt is empty; say what the face should look like.")
    return name


def _read(source: str, head: HeadModel) -> Sequence:
    """A shipped sequence by name, else a file or folder."""
    from clipface_cli.head.sequence import find_sequence, from_units, load_sequence
    from clipface_cli.synth.sequences import SEQUENCES, shipped_sequence

    path = Path(source)
    if source in SEQUENCES:
        return from_units(shipped_sequence(source), head)
    if source and path.suffix.lower() in VIDEOS and path.exists():
        return _tracked(path)
    if not source or not (path.exists() or find_sequence(source)):
        raise InputError(
            f"There is no sequence {source!r}; give {', '.join(SEQUENCES)}, an imported one by its "
            "name, a seq.npz, a CSV of ARKit units, a folder of pickles, or a video."
        )
    return load_sequence(source, head)


def _clip(motion: Sequence) -> Clip:
    """The sequence with the importance of its frames."""
    import torch

    from clipface_cli.edit import Clip

    return Clip.of(torch.from_numpy(motion.expression), torch.from_numpy(motion.pose))


def _subject(
    mesh: Path | None, motion: Sequence, head: HeadModel, network: Generator, seed: int
) -> Subject:
    """The mesh's head, else a sampled one, in the sequence's shape where it has one."""
    import torch

    from clipface_cli.avatar import load_subject, sample_subject

    if mesh is not None:
        return load_subject(mesh, head, network)
    subject = sample_subject(head, network, seed)
    if motion.shape is None:
        say(f"No --mesh: the head is sampled (seed {seed}).")
        return subject
    size = min(len(motion.shape), head.shape_size)
    subject.params.shape = torch.zeros(1, head.shape_size)
    subject.params.shape[0, :size] = torch.from_numpy(motion.shape[:size])
    say(f"No --mesh: the head has the sequence's shape and a sampled texture (seed {seed}).")
    return subject


def _tracked(path: Path) -> Sequence:
    """The face in a video, as `clipface track` finds it."""
    from clipface_cli.artifacts.footage import open_footage
    from clipface_cli.photos import load_encoder
    from clipface_cli.photos.track import track

    footage = open_footage(path, None)
    with progress("Tracking", footage.frames) as advance:
        found = track(
            footage, footage.fps, load_encoder("landmarks"), done=lambda n: advance(n, "")
        )
    return found.sequence


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
    """What the prompt asks for; warns about words that the guidance does not know."""
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


def _write(
    folder: Path, scene: FilmScene, name: str, fps: float, options: FilmOptions
) -> dict[str, object]:
    """Film, pictures, GLB, mesh, mapper; facts about them."""
    from clipface_cli.artifacts import write_video
    from clipface_cli.avatar import save_subject
    from clipface_cli.edit.mappers import MOTION_FILE
    from clipface_cli.viewer.film import Frames, at_peak, film, peak, write_animation

    made, total = scene.last, len(scene.last.clip)
    kept = Frames(folder / "frames" if options.frames else None)
    with progress("Filming", total) as advance:
        pictures = film(scene, options.yaw, options.resolution, kept)
        write_video(folder / "animation.mp4", counted(pictures, advance), fps)
    count = write_animation(folder / "animation.glb", scene, kept, fps)
    if made.dynamic:
        made.mapper.save(folder / MOTION_FILE, prompt=name)
    entry = {"prompt": name, "frame": peak(made), "frames": total}
    strongest = at_peak(made, scene.subject, scene.generator, entry).to("cpu")
    save_subject(folder / "edited.obj", strongest, scene.head)
    return {
        "frames": total,
        "fps": fps,
        "textures": count,
        "strongest_frame": peak(made),
        "importance": [round(amount, 3) for amount in made.clip.weight.tolist()],
    }
