"""A track drawn over its footage."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.photos.overlay import wireframe
from clipface_cli.photos.track import Track, squared

Pixels = NDArray[np.uint8]


def preview_frames(
    frames: Iterable[Pixels],
    found: Track,
    head: HeadModel,
    done: Callable[[int], None] = lambda _: None,
) -> Iterator[Pixels]:
    """Frames (H, W, 3) of the sequence under the head's wireframe, in the footage's size.

    done: called with the number of frames drawn so far.
    """
    sequence = found.sequence
    shape = torch.zeros(head.shape_size) if sequence.shape is None else _tensor(sequence.shape)
    shown = islice(frames, found.first, found.first + len(sequence))
    for index, frame in enumerate(shown):
        params = HeadParams(
            shape[None],
            _tensor(sequence.expression[index, None]),
            _tensor(sequence.pose[index, None]),
        )
        drawn = wireframe(
            squared(frame), head, head.pose_head(params), _tensor(found.camera[index, None])
        )
        height, width = frame.shape[:2]
        above, left = (len(drawn) - height) // 2, (len(drawn) - width) // 2
        yield np.ascontiguousarray(drawn[above : above + height, left : left + width])
        done(index + 1)


def _tensor(values: NDArray[np.float32]) -> torch.Tensor:
    return torch.from_numpy(np.asarray(values, np.float32))
