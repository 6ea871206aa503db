"""Motion of a head, from a word or file that the user gives, and the head that it moves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import torch

from clipface_cli.artifacts.footage import open_footage
from clipface_cli.artifacts.sequence import Sequence
from clipface_cli.avatar.subject import Subject, load_subject, sample_subject
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.head.sequence import find_sequence, from_units, load_sequence
from clipface_cli.photos import load_encoder
from clipface_cli.photos.track import track
from clipface_cli.synth.sequences import SEQUENCES, shipped_sequence
from clipface_cli.texture import Generator

VIDEOS = (".mp4", ".mov", ".avi", ".mkv", ".webm", ".m4v", ".gif")

Progress = Callable[[str, int], AbstractContextManager[Callable[[int, str], None]]]
"""(title, total) -> a context that gives a function of the steps done and a note."""


def read_motion(source: str, head: HeadModel, progress: Progress) -> Sequence:
    """A shipped sequence by name, an imported one, a file or folder, or the face in a video.

    Raises InputError for what is none of these or cannot be read.
    """
    path = Path(source)
    if source in SEQUENCES:
        return from_units(shipped_sequence(source), head)
    if source and path.suffix.lower() in VIDEOS and path.exists():
        return _tracked(path, progress)
    if not source or not (path.exists() or find_sequence(source)):
        raise InputError(
            f"There is no sequence {source!r}; give {', '.join(SEQUENCES)}, an imported one by its "
            "name, a seq.npz, a CSV of ARKit units, a folder of pickles, or a video."
        )
    return load_sequence(source, head)


def moved_subject(
    mesh: Path | None,
    motion: Sequence,
    head: HeadModel,
    generator: Generator,
    seed: int,
    allow_outside: bool = False,
) -> tuple[Subject, str]:
    """The mesh's head, else a sampled one, in the sequence's shape where it has one.

    Also a sentence that says which, empty for the mesh's.
    """
    if mesh is not None:
        return load_subject(mesh, head, generator, allow_outside), ""
    subject = sample_subject(head, generator, seed)
    if motion.shape is None:
        return subject, f"No --mesh: the head is sampled (seed {seed})."
    size = min(len(motion.shape), head.shape_size)
    subject.params.shape = torch.zeros(1, head.shape_size)
    subject.params.shape[0, :size] = torch.from_numpy(motion.shape[:size])
    return subject, (
        f"No --mesh: the head has the sequence's shape and a sampled texture (seed {seed})."
    )


def _tracked(path: Path, progress: Progress) -> Sequence:
    """The sequence that `clipface track` finds in a video."""
    footage = open_footage(path, None)
    with progress("Tracking", footage.frames) as advance:
        found = track(
            footage, footage.fps, load_encoder("landmarks"), done=lambda n: advance(n, "")
        )
    return found.sequence
