"""Text-guided edits of textured heads: mappers, their optimisation, and what they edit."""

from clipface_cli.edit.blend import between, blend
from clipface_cli.edit.dress import dress
from clipface_cli.edit.edit import Edit, Moment, edit_mesh, edit_meshes
from clipface_cli.edit.mappers import ExpressionMapper, TextureMapper, pretrain_zero
from clipface_cli.edit.pair import Mappers
from clipface_cli.edit.prompt_mapper import PromptMapper, prompt_mapper_of
from clipface_cli.edit.regions import known_regions
from clipface_cli.edit.rigged import Rigged, load_rigged, read_textured
from clipface_cli.edit.scene import Scene
from clipface_cli.edit.settings import Aim, EditSettings
from clipface_cli.edit.shown import Compared, find_shown, listing, shown_mesh, with_original
from clipface_cli.edit.subject import Subject, load_subject, sample_subject, save_subject
from clipface_cli.edit.train import (
    PROMPTED,
    MapperSettings,
    apply_mappers,
    train_mapper,
    train_prompt_mapper,
)

__all__ = [
    "PROMPTED",
    "Aim",
    "Compared",
    "Edit",
    "EditSettings",
    "ExpressionMapper",
    "MapperSettings",
    "Mappers",
    "Moment",
    "PromptMapper",
    "Rigged",
    "Scene",
    "Subject",
    "TextureMapper",
    "apply_mappers",
    "between",
    "blend",
    "dress",
    "edit_mesh",
    "edit_meshes",
    "find_shown",
    "known_regions",
    "listing",
    "load_rigged",
    "load_subject",
    "pretrain_zero",
    "prompt_mapper_of",
    "read_textured",
    "sample_subject",
    "save_subject",
    "shown_mesh",
    "train_mapper",
    "train_prompt_mapper",
    "with_original",
]
