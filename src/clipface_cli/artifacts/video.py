"""Pictures to MP4, one at a time, so that a film's length costs no memory."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from clipface_cli.artifacts.files import replacing
from clipface_cli.artifacts.images import Pixels
from clipface_cli.errors import ClipfaceError

QUALITY = 18  # x264's constant rate factor: visually lossless


def write_video(path: Path, frames: Iterable[Pixels], fps: float) -> None:
    """Write frames (H, W, 3) of one size as H.264; an odd row or column is left out."""
    with replacing(path) as partial:
        _encode(partial, frames, fps)


def _encode(path: Path, frames: Iterable[Pixels], fps: float) -> None:
    writer = None
    try:
        for frame in frames:
            height, width = frame.shape[0] // 2 * 2, frame.shape[1] // 2 * 2
            if writer is None:
                writer = _open(path, (width, height), fps)
            writer.send(np.ascontiguousarray(frame[:height, :width]))
    except OSError as error:
        raise ClipfaceError(f"ffmpeg could not write {path.parent} ({error}).") from error
    finally:
        if writer is not None:
            writer.close()
    if writer is None:
        raise ClipfaceError("There are no frames to write.")


def _open(path: Path, size: tuple[int, int], fps: float) -> Generator[None, Pixels | None, None]:
    writer: Generator[None, Pixels | None, None] = imageio_ffmpeg.write_frames(
        str(path),
        size,
        fps=fps,
        codec="libx264",
        quality=None,
        macro_block_size=2,
        output_params=["-crf", str(QUALITY), "-movflags", "+faststart", "-f", "mp4"],
    )
    writer.send(None)
    return writer
