"""What an initialisation is given and what it answers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from clipface_cli.avatar.subject import Subject
    from clipface_cli.edit.presets import EditSettings


@dataclass(frozen=True)
class Start:
    """Where the mappers of one edit begin.

    w_offset (L, w_dim), expression_offset (E,): changes of the code and of the expression;
    expression_weight, appearance_weight in [0, 1]: how much the prompt is about either.
    """

    w_offset: Tensor
    expression_offset: Tensor
    expression_weight: float = 0.0
    appearance_weight: float = 1.0


class Bank(Protocol):
    """Random people as the guidance sees them: what is asked of a `LatentBank`."""

    def offset(self, direction: Tensor, seed: int) -> Tensor:
        """Code offset (L, w_dim) towards a direction (D,)."""

    def target_length(self, direction: Tensor) -> float:
        """Length at which a change along a direction (D,) shows."""


class Basis(Protocol):
    """The guidance's answers to one person's expressions: what is asked of an `ExpressionBasis`."""

    def expression(self, direction: Tensor) -> tuple[Tensor, float]:
        """Expression offset (E,) towards a direction (D,), and how much of it is expression."""


class Mapper(Protocol):
    """One mapper for all prompts: what is asked of a `PromptMapper`."""

    def __call__(
        self,
        w: Tensor,
        direction: Tensor,
        w_offset: Tensor,
        expression_offset: Tensor,
        appearance_weight: Tensor,
        /,
    ) -> tuple[Tensor, Tensor]:
        """Further offsets (B, L, w_dim) and (B, E), of codes w (B, L, w_dim)."""
        ...


class Models(Protocol):
    """What initialisations ask of `EditModels`, which builds it when it is first asked."""

    @property
    def latent_bank(self) -> Bank: ...

    @property
    def prompt_mapper(self) -> Mapper | None: ...

    def expression_basis(self, person: Subject, settings: EditSettings) -> Basis: ...


@dataclass(frozen=True)
class Request:
    """One part of a prompt, for one person: what an initialisation answers.

    direction (D,): the target direction, as long as the image direction should become; expressive:
    whether the expression may change.
    """

    models: Models
    settings: EditSettings
    person: Subject
    direction: Tensor
    seed: int
    expressive: bool


class Initialization(Protocol):
    """Refines where an edit starts; those before it in the settings' order have been asked."""

    def __call__(self, request: Request, start: Start) -> Start: ...
