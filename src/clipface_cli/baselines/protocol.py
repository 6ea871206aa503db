"""Interface of every baseline."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, Protocol

import torch
from torch import Tensor

from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.texture import Generator


@dataclass(frozen=True)
class TexturedHead:
    """One textured head, all on one device.

    params: of a batch of one; texture (1, 3, R, R) in [-1, 1]; w (1, L, w_dim): its code, and the
    generator that paints it, None where there is none. No baseline changes w: as in an edited
    subject, the texture may differ from what the generator makes of it.
    """

    head: HeadModel
    params: HeadParams
    texture: Tensor
    w: Tensor | None = None
    generator: Generator | None = None

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.texture.device

    def vertices(self) -> Tensor:
        """Posed vertices (1, V, 3) in metres, placed as cameras expect them."""
        return self.head.pose_head(self.params) - self.head.origin


@dataclass(frozen=True)
class Budget:
    """How long a baseline may run; a shorter budget changes the number of steps alone.

    steps: None for the authors' number. seconds: of wall time, with preparations other than
    Text2Mesh's pre-training; the step that is under way when they have passed is the last one. None
    for as long as the steps take.
    """

    steps: int | None = None
    seconds: float | None = None


@dataclass(frozen=True)
class Progress:
    """The loss at a step of `steps`; head() gives the result as it is now."""

    step: int
    steps: int
    loss: float
    head: Callable[[], TexturedHead]


Callback = Callable[[Progress], None]


@dataclass(frozen=True)
class BaselineResult:
    """The textured head and how it came about.

    losses: by step, before that step's update; seconds: of wall time in all; settings: every number
    of the method; sentences: the texts compared with renders; notes: where our form of the method
    differs from its authors', in sentences; interrupted: Ctrl-C ended it after these steps.
    """

    head: TexturedHead
    losses: list[float]
    seconds: float
    settings: dict[str, Any]
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    interrupted: bool = False

    @property
    def steps(self) -> int:
        """Steps taken."""
        return len(self.losses)


class Baseline(Protocol):
    """A method of the paper's comparison (sec. 4, appendix 8): its settings, ready to run.

    steps: the authors' number.
    """

    @property
    def steps(self) -> int: ...

    def __call__(
        self,
        start: TexturedHead,
        prompt: str,
        guidance: Guidance,
        budget: Budget,
        seed: int = ...,
        callback: Callback | None = ...,
    ) -> BaselineResult:
        """Texture a head as the prompt says; head and guidance are on one device.

        Raises InputError where the prompt cannot be read or the head lacks what the method needs,
        ClipfaceError where the loss is no longer a number.
        """
        ...


def settings_of(method: Any) -> dict[str, Any]:
    """The numbers and words among a method's fields, by name."""
    values = {field.name: getattr(method, field.name) for field in fields(method)}
    plain = (bool, int, float, str, tuple)
    return {name: value for name, value in values.items() if isinstance(value, plain)}
