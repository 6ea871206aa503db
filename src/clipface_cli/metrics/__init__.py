"""How good heads and edits are: FID, KID, CLIP score, identity drift, and tables of them."""

from clipface_cli.metrics.cache import cached_features
from clipface_cli.metrics.clip_score import clip_score, scoring_models
from clipface_cli.metrics.features import Features, load_features
from clipface_cli.metrics.identity import Identity, load_identity
from clipface_cli.metrics.inception import InceptionFID
from clipface_cli.metrics.kernel import (
    KernelDistance,
    kernel_distance,
    kernel_distance_with_error,
)
from clipface_cli.metrics.statistics import (
    Statistics,
    frechet_distance,
    frechet_distance_with_error,
    frechet_of_statistics,
)
from clipface_cli.metrics.tables import Row, Table, Value, paper_rows

__all__ = [
    "Features",
    "Identity",
    "InceptionFID",
    "KernelDistance",
    "Row",
    "Statistics",
    "Table",
    "Value",
    "cached_features",
    "clip_score",
    "frechet_distance",
    "frechet_distance_with_error",
    "frechet_of_statistics",
    "kernel_distance",
    "kernel_distance_with_error",
    "load_features",
    "load_identity",
    "paper_rows",
    "scoring_models",
]
