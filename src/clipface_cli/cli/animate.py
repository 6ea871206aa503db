"""`clipface animate`: a head moved by a sequence, its texture changing with the expression."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli._command import Result
from clipface_cli.cli._models import load_generator, load_head
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
from clipface_cli.cli.edit import slug
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.artifacts.sequence import Sequence
    from clipface_cli.edit import Scene, Subject
    from clipface_cli.edit.animate import AnimateSettings, Animation, Clip, MotionMapper
    from clipface_cli.edit.film import FilmScene
    from clipface_cli.edit.target import Target
    from clipface_cli.head import HeadModel
    from clipface_cli.texture import Generator


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
            help="laugh, angry, speech, yawn; a seq.npz, an ARKit CSV, a folder of DECA's "
            "pickles, or a video.",
        ),
    ],
    mesh: Annotated[
        Path, typer.Option("--mesh", "-m", metavar="MESH.obj", help="The textured head to move.")
    ],
    prompt: Annotated[
        str | None,
        typer.Option("--prompt", "-p", metavar="TEXT", help="What the face should look like."),
    ] = None,
    mapper: Annotated[
        Path | None,
        typer.Option("--mapper", metavar="RUN", help="Instead: what an earlier `animate` wrote."),
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
    steps: Annotated[int, typer.Option("--steps", help="Optimisation steps.", min=1)] = 60,
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
    name, options = _request(prompt, mapper, static), FilmOptions(yaw, resolution, frames)
    if fps is not None and not 0 < fps <= FASTEST:
        raise InputError(f"--fps must be positive and at most {FASTEST}, not {fps:g}.")
    folder = output or Path(f"{Path(sequence).stem}-{slug(name)}")
    import torch

    from clipface_cli.artifacts import RunRecord, claim_folder
    from clipface_cli.edit import load_subject
    from clipface_cli.edit.animate import AnimateSettings, Animation, Clip
    from clipface_cli.edit.film import FilmScene

    settings = AnimateSettings(steps=steps, seed=seed)
    sources = {"sequence": sequence, "prompt": prompt, "mapper": mapper, "static": static}
    record = RunRecord(
        {
            **sources,
            "guidance": guidance,
            "generator": generator,
            **asdict(settings),
            "device": pick_device(device),
        },
        [mesh, mesh.with_suffix(".png"), Path(sequence)],
    )
    with record.timing("load"):
        model = load_head(head, mesh)
        motion = _read(sequence, model)
        motion.fps = fps or motion.fps
        network = load_generator(generator, model)
        subject = load_subject(mesh, model, network)
    clip = Clip.of(torch.from_numpy(motion.expression), torch.from_numpy(motion.pose))
    judged = None if mapper is not None else _judged(name, subject, model, network, guidance)
    claim_folder(folder, force)
    columns: dict[str, Animation | None] = {"original": None}
    with record.timing("optimise"):
        if mapper is not None:
            columns[name] = Animation.of(subject, network, _mapper(mapper, network, model), clip)
        elif judged is not None:
            columns["static"] = flat = _optimised(*judged, subject, clip, settings)
            if not static and not flat.interrupted:
                columns["dynamic"] = _optimised(*judged, subject, clip, settings, flat)
    with record.timing("render"):
        facts = _write(
            folder, FilmScene(model, network, subject, columns), name, motion.fps, options
        )
    record.write(folder, sorted(folder.glob("*.*")), **facts)
    interrupted = any(made and made.interrupted for made in columns.values())
    return Result(folder / "animation.mp4", facts, interrupted=interrupted)


def _request(prompt: str | None, mapper: Path | None, static: bool) -> str:
    """What the animation is called; InputError unless exactly one of the two is given."""
    if (prompt is None) == (mapper is None):
        raise InputError("Give either --prompt TEXT or --mapper RUN.")
    if mapper is not None and static:
        raise InputError("--static is trained for a prompt; leave --mapper out.")
    name = mapper.resolve().name if mapper is not None else (prompt or "").strip()
    if not name:
        raise InputError("--prompt is empty; say what the face should look like.")
    return name


def _read(source: str, head: HeadModel) -> Sequence:
    """A shipped sequence by name, else a file or folder."""
    from clipface_cli.head.sequence import from_units, load_sequence
    from clipface_cli.synth.sequences import SEQUENCES, shipped_sequence

    path = Path(source)
    if source in SEQUENCES:
        return from_units(shipped_sequence(source), head)
    if not source or not path.exists():
        raise InputError(
            f"There is no sequence {source!r}; give {', '.join(SEQUENCES)}, a seq.npz, a CSV of "
            "ARKit units, a folder of pickles, or a video."
        )
    if path.suffix.lower() in VIDEOS:
        return _tracked(path)
    return load_sequence(path, head)


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


def _judged(
    prompt: str, subject: Subject, head: HeadModel, network: Generator, source: str
) -> tuple[Scene, Target]:
    """What tells how far the frames follow the prompt; warns about words that it does not know."""
    from clipface_cli.edit import Scene
    from clipface_cli.edit.animate import JUDGED
    from clipface_cli.edit.target import Planner
    from clipface_cli.guidance import load_guidance

    towers = load_guidance(source)
    if warning := towers.understood(prompt).warning():
        say(warning)
    scene = Scene(head, network, towers, JUDGED.judged)
    return scene, Planner(scene, subject, JUDGED).whole(prompt, JUDGED.seed)


def _mapper(source: Path, network: Generator, head: HeadModel) -> MotionMapper:
    """What an earlier run optimised; InputError where it fits another generator or head."""
    from clipface_cli.edit.animate import MotionMapper

    mapper = MotionMapper.load(source)
    sizes = (mapper.levels, mapper.w_dim, mapper.expression)
    if sizes != (network.num_ws, network.w_dim, head.expression_size):
        raise InputError(f"{source} was trained for another generator or head.")
    return mapper


def _optimised(
    scene: Scene,
    target: Target,
    subject: Subject,
    clip: Clip,
    settings: AnimateSettings,
    static: Animation | None = None,
) -> Animation:
    """One texture for all frames, or from such a one on, one that follows them."""
    from clipface_cli.edit.animate import animate as optimise

    kind = "dynamic" if static else "static"
    with progress(f"Optimising the {kind} texture", settings.steps) as advance:
        return optimise(
            scene,
            target,
            subject,
            clip,
            settings,
            static=static,
            progress=lambda step, _, similarity: advance(step, f"similarity {similarity:.2f}"),
        )


def _write(
    folder: Path, scene: FilmScene, name: str, fps: float, options: FilmOptions
) -> dict[str, object]:
    """Film, pictures, GLB, mesh, mapper; facts about them."""
    from clipface_cli.artifacts import write_video
    from clipface_cli.edit import save_subject
    from clipface_cli.edit.animate import MAPPER_FILE
    from clipface_cli.edit.film import Frames, at_peak, film, peak, write_animation

    made, total = scene.last, len(scene.last.clip)
    kept = Frames(folder / "frames" if options.frames else None)
    with progress("Filming", total) as advance:
        pictures = film(scene, options.yaw, options.resolution, kept)
        write_video(folder / "animation.mp4", counted(pictures, advance), fps)
    count = write_animation(folder / "animation.glb", scene, kept, fps)
    if made.dynamic:
        made.mapper.save(folder / MAPPER_FILE, prompt=name)
    entry = {"prompt": name, "frame": peak(made), "frames": total}
    save_subject(
        folder / "edited.obj", at_peak(made, scene.subject, scene.generator, entry), scene.head
    )
    return {
        "frames": total,
        "fps": fps,
        "textures": count,
        "strongest_frame": peak(made),
        "importance": [round(amount, 3) for amount in made.clip.weight.tolist()],
    }
