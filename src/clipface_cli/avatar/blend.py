"""Linear interpolation between heads: shapes, expressions and codes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from clipface_cli.avatar.subject import Subject
from clipface_cli.errors import InputError
from clipface_cli.head import HeadParams
from clipface_cli.texture import Generator


def blend(subjects: Sequence[Subject], weights: Sequence[float], generator: Generator) -> Subject:
    """The person with the weighted mean of these persons' parameters and codes."""

    def mix(values: Sequence[Tensor]) -> Tensor:
        share = values[0].new_tensor(weights)
        return torch.einsum("n,n...->...", share, torch.stack(list(values)))

    params = HeadParams(
        mix([s.params.shape for s in subjects]),
        mix([s.params.expression for s in subjects]),
        mix([s.params.pose for s in subjects]),
    )
    w = mix([s.w for s in subjects])
    with torch.no_grad():
        return Subject(params, w, generator.synthesis(w), generator=generator.source)


def between(
    subjects: Sequence[Subject], steps: int, generator: Generator
) -> Iterator[tuple[str, Subject]]:
    """Names and people: `steps` from one of two subjects to the other, or steps x steps among four.

    Four stand at the corners: top left, top right, bottom left, bottom right.
    """
    if len(subjects) not in (2, 4) or steps < 2:
        raise InputError("An interpolation needs two or four seeds and at least two steps.")
    parts = [i / (steps - 1) for i in range(steps)]
    for down in parts if len(subjects) == 4 else (0.0,):
        for right in parts:
            top = [(1 - down) * (1 - right), (1 - down) * right]
            weights = [*top, down * (1 - right), down * right][: len(subjects)]
            name = f"{right:.2f}" if len(subjects) == 2 else f"{down:.2f} {right:.2f}"
            yield name, blend(subjects, weights, generator)
