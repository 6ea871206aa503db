"""Interfaces of an initialisation: its models, its request, the start that it refines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from torch import Tensor

if TYPE_CHECKING:
    from clipface_cli.avatar.subject import Subject
    from clipface_cli.edit.presets import EditSettings


@dataclass(frozen=True)
class Start:
    """Initial offsets of the mappers of one edit.

    w_offset (L, w_dim), expression_offset (E,): changes of the code and of the expression;
    expression_weight, appearance_weight in [0, 1]: weights of the prompt's expression and
    appearance.
    """

    w_offset: Tensor
    expression_offset: Tensor
    expression_weight: float = 0.0
    appearance_weight: float = 1.0


class Bank(Protocol):
    """Random people as the guidance sees them: the interface of `LatentBank`.

    direction (1, D): target direction; offset: a code offset (w_dim,); target_length: the wanted
    length of the image direction, a scalar.
    """

    def offset(self, direction: Tensor, seed: int) -> Tensor:
        """Code offset (L, w_dim) towards a direction (D,)."""

    def target_length(self, direction: Tensor) -> float:
        """Length at which a change along a direction (D,) shows."""


class Basis(Protocol):
    """The guidance's answers to one person's expressions: the interface of `ExpressionBasis`.

    direction (1, D): target direction; expression: an offset (E,) and its certainty in 0..1.
    """

    def expression(self, direction: Tensor) -> tuple[Tensor, float]:
        """Expression offset (E,) towards a direction (D,), and how much of it is expression."""


class Mapper(Protocol):
    """One mapper for all prompts: the interface of `PromptMapper`.

    w (B, L, w_dim), direction (B, D), w_offset (B, L or 1, w_dim), expression_offset (B, E),
    appearance_weight (B,) -> further offsets (B, L, w_dim) and (B, E).
    """

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
    """Models that initialisations use; `EditModels` builds each when it is first asked for."""

    @property
    def latent_bank(self) -> Bank: ...

    @property
    def prompt_mapper(self) -> Mapper | None: ...

    def expression_basis(self, person: Subject, settings: EditSettings) -> Basis: ...


@dataclass(frozen=True)
class Request:
    """One part of a prompt, for one person: the input of an initialisation.

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
    """Refines the start of an edit, after the earlier ones in the settings' order."""

    def __call__(self, request: Request, start: Start) -> Start: ...
