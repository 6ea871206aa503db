"""What an edit is judged by and how it is optimised."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

Ablation = Literal["pretraining", "direction", "code-input", "prior"]


@dataclass(frozen=True)
class Aim:
    """What counts how much in the loss, and how the guidance looks at the head.

    reach, separation and length only matter where the guidance is calibrated.
    """

    directional: float = 1.0  # equation 7
    overall: float = 0.0  # cosine of render and prompt, what StyleCLIP minimises
    prior: float = 9e-2  # lambda_reg, expression prior, from the mood's expression on
    length: float = 1.0  # a too short change
    code_prior: float = 0.5  # leaving the look's own offset
    identity: float = 0.0  # leaving the person's own code and colours
    reach: float = 1.8  # wanted length of a mood's image direction, in the text direction's
    separation: float = 5.0  # how much stiffer textures are for moods
    resolution: int = 160  # of the renders that the guidance sees
    augment: bool | None = None  # random yaw, crop and brightness; None: unless calibrated


@dataclass(frozen=True)
class EditSettings:
    """How to optimise the mappers.

    change: what may change; only: regions outside which the texture stays, () for all of it, or for
    what a prompt such as "red lips" speaks of; strength: 0 the person, 1 the edit, 2 twice as far.
    """

    steps: int = 50
    texture_rate: float = 5e-2
    expression_rate: float = 0.3
    views: int = 2  # renders a step
    change: Literal["both", "texture", "expression"] = "both"
    only: tuple[str, ...] = ()
    strength: float = 1.0
    seed: int = 0
    near: bool = True  # start at the people and the moods that look like the prompt
    settle: float = 2e-3  # stop when a step's similarity gain falls below; 0 never
    without: tuple[Ablation, ...] = ()
    aim: Aim = field(default_factory=Aim)

    @classmethod
    def paper(cls, steps: int = 5000) -> EditSettings:
        """The published schedule: plain directional loss from zero offsets, one view a step."""
        aim = Aim(prior=1.5e-2, length=0.0, code_prior=0.0, separation=0.0, augment=True)
        return cls(steps, 1e-4, 5e-3, views=1, near=False, settle=0.0, aim=aim)

    @property
    def judged(self) -> Aim:
        """The aim with what `without` leaves out."""
        aim = self.aim
        if "direction" in self.without:
            aim = replace(aim, directional=0.0, length=0.0, overall=aim.directional)
        return replace(aim, prior=0.0) if "prior" in self.without else aim


DEFAULT = EditSettings()
