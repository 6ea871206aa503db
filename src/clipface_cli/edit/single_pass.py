"""One forward pass of trained mappers: any head, no optimisation."""

from __future__ import annotations

import torch

from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.mapper_set import Mappers
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator


@torch.no_grad()
def apply_mappers(
    subject: Subject, mappers: Mappers, head: HeadModel, generator: Generator, name: str
) -> Subject:
    """The subject as the mappers edit it (eq. 3 and 4); `name` enters the history as the prompt.

    Raises InputError where they were trained for another generator or head.
    """
    mappers.check(generator, head)
    w, expression = mappers(subject.w, subject.params.expression)
    entry = {"prompt": name, "mapper": True}
    return subject.edited(expression, w, generator.synthesis(w), entry)
