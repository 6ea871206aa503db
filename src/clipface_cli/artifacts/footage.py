"""Frames of a video or of a folder of pictures, one at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio_ffmpeg
import numpy as np

from clipface_cli.artifacts.images import Pixels, load_pixels
from clipface_cli.artifacts.sequence import FRAME_RATE, natural
from clipface_cli.errors import InputError

PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


@dataclass(frozen=True)
class Footage:
    """path of a video, or of a folder of pictures; fps; frames: how many, of a video a guess."""

    path: Path
    fps: float
    frames: int

    def __iter__(self) -> Iterator[Pixels]:
        """Frames (H, W, 3), all of one size."""
        size = None
        for frame in _pictures(self.path) if self.path.is_dir() else _video(self.path):
            if size is not None and frame.shape != size:
                raise InputError(
                    f"The pictures in {self.path} are of different sizes ({size[1]}x{size[0]} and "
                    f"{frame.shape[1]}x{frame.shape[0]}); they must be frames of one clip."
                )
            size = frame.shape
            yield frame


def open_footage(path: Path, fps: float | None = None) -> Footage:
    """Look at a video or a folder; fps replaces what a video says (of a folder: 25 by default).

    Raises InputError when there is nothing to read.
    """
    if path.is_dir():
        count = len(picture_files(path))
        if not count:
            raise InputError(f"{path} holds no pictures ({', '.join(PICTURES)}).")
        return Footage(path, fps or FRAME_RATE, count)
    if not path.is_file():
        raise InputError(f"{path} does not exist.")
    reader = imageio_ffmpeg.read_frames(str(path))
    try:
        meta = next(reader)
    except (OSError, ValueError, KeyError, IndexError, StopIteration, RuntimeError) as error:
        raise InputError(f"{path} is not a video that ffmpeg can read.") from error
    finally:
        reader.close()
    found = float(meta.get("fps") or FRAME_RATE)
    seconds = float(meta.get("duration") or 0)
    return Footage(path, fps or found, max(1, round(seconds * found)))


def picture_files(folder: Path) -> list[Path]:
    """Pictures in a folder, by the numbers in their names."""
    found = [f for f in folder.iterdir() if f.suffix.lower() in PICTURES and f.is_file()]
    return sorted(found, key=natural)


def _pictures(folder: Path) -> Iterator[Pixels]:
    for file in picture_files(folder):
        yield load_pixels(file)


def _video(path: Path) -> Iterator[Pixels]:
    reader = imageio_ffmpeg.read_frames(str(path))
    try:
        width, height = next(reader)["size"]
        for frame in reader:
            yield np.frombuffer(frame, np.uint8).reshape(height, width, 3)
    except OSError as error:
        raise InputError(f"{path} cannot be read to its end; is it cut off?") from error
    finally:
        reader.close()
