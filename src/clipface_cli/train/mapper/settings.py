"""Settings of mapper training on many heads."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from clipface_cli.edit import DEFAULT, EditSettings, preset
from clipface_cli.guidance import Guidance

# New random heads in every step, so higher rates than the paper's, fewer steps, and one view each.
_ONE = replace(
    DEFAULT, steps=1000, texture_rate=1e-2, expression_rate=2e-2, views=1, early_stop=0.0
)
_MANY = replace(_ONE, steps=3500, texture_rate=1e-3)
_HEADS_OF_MANY = 4  # heads per step with many prompts: so that a step covers four prompts


@dataclass(frozen=True)
class MapperSettings:
    """Settings of mapper training; the defaults are those of preset `default` for one prompt.

    edit: steps, rates, views and loss; a mapper of many prompts has one rate, `texture_rate`.
    """

    edit: EditSettings = _ONE
    heads: int = 1  # per device and step
    order: Literal["random", "files"] = "random"  # of given codes; random ones are new each step
    sampled_shapes: bool = True  # False: the template's shape, as in the published code
    decay: bool = True  # addition to the paper: cosine decay of the learning rates to zero
    every: int = 200  # steps between two checkpoints and sample sheets
    seed: int = 0


def mapper_settings(name: str, guidance: Guidance, many: bool = False) -> MapperSettings:
    """The settings of a preset, for one prompt or for `many`; InputError for an unknown one."""
    settings = preset(name, guidance)
    if settings.preset == "default":
        ours = _MANY if many else _ONE
        edit = replace(
            settings,
            steps=ours.steps,
            texture_rate=ours.texture_rate,
            expression_rate=ours.expression_rate,
            views=ours.views,
            early_stop=ours.early_stop,
        )
        return MapperSettings(edit, heads=_HEADS_OF_MANY if many else 1)
    order: Literal["random", "files"] = "files" if settings.preset == "released" else "random"
    return MapperSettings(settings, order=order, sampled_shapes=False, decay=False)
