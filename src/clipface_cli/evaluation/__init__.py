"""The paper's tables for anybody's models and heads: texture generators, and methods of editing."""

from clipface_cli.evaluation.compare import Comparison, Study, find_heads
from clipface_cli.evaluation.methods import METHODS, ablation_names, method_of
from clipface_cli.evaluation.reference import reference_features
from clipface_cli.evaluation.report import write_study
from clipface_cli.evaluation.scorer import Scorer
from clipface_cli.evaluation.texture_models import (
    load_generator_model,
    load_texture_model,
    uv_maps,
)
from clipface_cli.evaluation.texture_table import Evaluation

__all__ = [
    "METHODS",
    "Comparison",
    "Evaluation",
    "Scorer",
    "Study",
    "ablation_names",
    "find_heads",
    "load_generator_model",
    "load_texture_model",
    "method_of",
    "reference_features",
    "uv_maps",
    "write_study",
]
