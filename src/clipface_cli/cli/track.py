"""`clipface track`: footage of a face, or another tracker's files, to a sequence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from clipface_cli.cli.command import Result
from clipface_cli.cli.options import Force
from clipface_cli.cli.progress import progress, say
from clipface_cli.errors import InputError

if TYPE_CHECKING:
    from clipface_cli.artifacts.footage import Footage
    from clipface_cli.head import HeadModel
    from clipface_cli.photos.track import Track


def track(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="CLIP",
            help="A video, a folder of frames, a Live Link Face CSV, or a folder of pickles.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="SEQ.npz", help="File to write.")
    ] = Path("seq.npz"),
    encoder: Annotated[
        str, typer.Option("--encoder", help="landmarks, photometric, deca, or deca:PATH.")
    ] = "landmarks",
    head: Annotated[
        str | None,
        typer.Option("--head", help="Head model [builtin; of deca: the imported FLAME]."),
    ] = None,
    smooth: Annotated[
        float, typer.Option("--smooth", help="Seconds to smooth over; 0 for raw values.", min=0)
    ] = 0.2,
    max_gap: Annotated[
        int, typer.Option("--max-gap", help="Frames without a face to fill in.", min=0)
    ] = 5,
    fps: Annotated[
        float | None,
        typer.Option("--fps", help="Frames a second [the video's; of a folder 25].", min=0.1),
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", metavar="FILE.mp4", help="Show the fit over the footage."),
    ] = None,
    force: Force = False,
) -> Result:
    """Track a face in footage: expression and pose a frame.

    The head's shape is one for the whole clip. `animate` plays the sequence.
    """
    from clipface_cli.artifacts import claim_file
    from clipface_cli.artifacts.sequence import write_sequence

    if output.suffix.lower() != ".npz":
        raise InputError(f"{output} does not end in .npz; give -o NAME.npz.")
    if not source.exists():
        raise InputError(f"{source} does not exist; give a video, a folder or a CSV file.")
    claim_file(output, force)
    if _is_sequence(source):
        if preview:
            raise InputError("--preview needs footage; these files have none.")
        return _convert(source, output, head, fps)
    from clipface_cli.artifacts.footage import open_footage

    footage = open_footage(source, fps)
    if preview:
        claim_file(preview, force)
    found, model = _follow(footage, encoder, head, smooth, max_gap)
    write_sequence(output, found.sequence)
    if preview:
        _preview(preview, footage, found, model)
    return Result(output, _facts(found), _summary(found))


def _is_sequence(source: Path) -> bool:
    """Whether these are another tracker's numbers, not pictures."""
    from clipface_cli.artifacts.footage import picture_files
    from clipface_cli.artifacts.sequence import FRAME_FILES, frame_files

    if source.is_dir():
        return not picture_files(source) and bool(frame_files(source))
    return source.suffix.lower() in (".csv", *FRAME_FILES)


def _convert(source: Path, output: Path, head: str | None, fps: float | None) -> Result:
    from clipface_cli.artifacts.sequence import write_sequence
    from clipface_cli.head import HeadModel
    from clipface_cli.head.sequence import load_sequence

    sequence = load_sequence(source, HeadModel.load(head or "builtin"))
    sequence.fps = fps or sequence.fps
    write_sequence(output, sequence)
    text = f"{len(sequence)} frames at {sequence.fps:g} a second."
    return Result(output, {"frames": len(sequence), "fps": sequence.fps}, text)


def _follow(
    footage: Footage, encoder: str, head: str | None, smooth: float, max_gap: int
) -> tuple[Track, HeadModel]:
    from clipface_cli.head import HeadModel
    from clipface_cli.photos import load_encoder
    from clipface_cli.photos.track import track as track_frames

    chosen = load_encoder(encoder, None if head is None else HeadModel.load(head))
    model = chosen.head
    with progress("Tracking", footage.frames) as advance:
        found = track_frames(
            footage, footage.fps, chosen, smooth, max_gap, lambda done: advance(done, "")
        )
    if found.filled:
        say(f"No face in {len(found.filled)} frames, filled in: {_spans(found)}.")
    return found, model


def _preview(path: Path, footage: Footage, found: Track, head: HeadModel) -> None:
    from clipface_cli.artifacts.video import write_video
    from clipface_cli.photos.preview import preview_frames

    with progress("Preview", len(found.sequence)) as advance:
        frames = preview_frames(footage, found, head, lambda done: advance(done, ""))
        write_video(path, frames, footage.fps)


def _facts(found: Track) -> dict[str, object]:
    return {
        "frames": len(found.sequence),
        "fps": found.sequence.fps,
        "first_frame": found.first,
        "filled_frames": [found.first + index for index in found.filled],
        "residual": round(found.residual, 4),
    }


def _summary(found: Track) -> str:
    count, fps = len(found.sequence), found.sequence.fps
    return (
        f"{count} frames at {fps:g} a second from frame {found.first}, {len(found.filled)} filled "
        f"in; landmarks miss by {100 * found.residual:.1f} % of the eye distance on average."
    )


def _spans(found: Track) -> str:
    """Frame numbers as a person writes them: 4-6, 9."""
    spans: list[list[int]] = []
    for index in (found.first + i for i in found.filled):
        if spans and spans[-1][1] == index - 1:
            spans[-1][1] = index
        else:
            spans.append([index, index])
    return ", ".join(str(a) if a == b else f"{a}-{b}" for a, b in spans)
