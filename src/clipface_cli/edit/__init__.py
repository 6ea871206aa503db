"""Text-guided edits of textured heads: the paper's sections 3.2 and 3.3.

objective.py has equations 5 to 9, mappers.py 3, 4 and 11, animate.py 10 and 12 to 14, optimize.py
the optimisation of equation 2, presets.py every number, initialization/ where an edit starts.
"""

from clipface_cli.edit.animate import Animation, Clip, animate
from clipface_cli.edit.edit import Edit, Progress, edit_mesh, edit_meshes
from clipface_cli.edit.initialization.prompt_mapper import PromptMapper, prompt_mapper_of
from clipface_cli.edit.mapper_set import Mappers
from clipface_cli.edit.mappers import (
    ExpressionMapper,
    MotionMapper,
    TextureMapper,
    pretrain_zero,
)
from clipface_cli.edit.models import EditModels
from clipface_cli.edit.presets import (
    ABLATIONS,
    DEFAULT,
    PAPER,
    PRESETS,
    RELEASED,
    AnimateSettings,
    EditSettings,
    ablated,
    animate_settings,
    default_settings,
    preset,
)
from clipface_cli.edit.single_pass import apply_mappers
from clipface_cli.edit.stages import PromptReader

__all__ = [
    "ABLATIONS",
    "DEFAULT",
    "PAPER",
    "PRESETS",
    "RELEASED",
    "AnimateSettings",
    "Animation",
    "Clip",
    "Edit",
    "EditModels",
    "EditSettings",
    "ExpressionMapper",
    "Mappers",
    "MotionMapper",
    "Progress",
    "PromptMapper",
    "PromptReader",
    "TextureMapper",
    "ablated",
    "animate",
    "animate_settings",
    "apply_mappers",
    "default_settings",
    "edit_mesh",
    "edit_meshes",
    "preset",
    "pretrain_zero",
    "prompt_mapper_of",
]
