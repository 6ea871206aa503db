"""Training of mappers on many heads, for one prompt or for many, to edit any head in one pass."""

from clipface_cli.train.mapper.settings import MapperSettings, mapper_settings
from clipface_cli.train.mapper.training import Run, train_mapper, train_prompt_mapper

__all__ = ["MapperSettings", "Run", "mapper_settings", "train_mapper", "train_prompt_mapper"]
