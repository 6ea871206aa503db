"""Sampled heads: random ones, interpolated ones, or those of given latent codes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from torch import Tensor

from clipface_cli.avatar.blend import between
from clipface_cli.avatar.subject import Subject, check_codes, sample_subject, subject_of_code
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator

NamedSubject = tuple[str, Callable[[], Subject]]
"""Name of a head, and a function that makes it."""


def random_subjects(
    head: HeadModel, generator: Generator, count: int, seed: int, truncation: float
) -> list[NamedSubject]:
    """Random heads; number i has seed + i."""
    return [
        (f"{i:03}", partial(sample_subject, head, generator, seed + i, truncation))
        for i in range(count)
    ]


def interpolated_subjects(
    head: HeadModel, generator: Generator, seeds: Sequence[int], steps: int, truncation: float
) -> list[NamedSubject]:
    """Heads interpolated between those of two seeds, in `steps`; four seeds span a grid."""
    corners = [sample_subject(head, generator, seed, truncation) for seed in seeds]
    mixed = between(corners, steps, generator)
    return [(name, partial(Subject.to, person, "cpu")) for name, person in mixed]


def subjects_of_codes(
    head: HeadModel, generator: Generator, codes: Tensor, seed: int, truncation: float
) -> list[NamedSubject]:
    """Heads of codes (N, L, w_dim) with random shapes; InputError for another generator's."""
    check_codes(codes, generator)
    return [
        (f"{i:03}", partial(subject_of_code, head, generator, code[None], seed + i, truncation))
        for i, code in enumerate(codes)
    ]
