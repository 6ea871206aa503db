"""The methods that the paper compares with (appendix 8), each written from the paper."""

from clipface_cli.baselines.clipmatrix import ClipMatrix
from clipface_cli.baselines.flametex import FlameTex
from clipface_cli.baselines.latent3d import Latent3d
from clipface_cli.baselines.protocol import (
    Baseline,
    BaselineResult,
    Budget,
    Callback,
    Progress,
    TexturedHead,
)
from clipface_cli.baselines.text2mesh import Text2Mesh

BASELINES: dict[str, Baseline] = {
    "flametex": FlameTex(),
    "clipmatrix": ClipMatrix(),
    "text2mesh": Text2Mesh(),
    "latent3d": Latent3d(),
}
"""Methods by name, with their authors' settings."""

__all__ = [
    "BASELINES",
    "Baseline",
    "BaselineResult",
    "Budget",
    "Callback",
    "ClipMatrix",
    "FlameTex",
    "Latent3d",
    "Progress",
    "Text2Mesh",
    "TexturedHead",
]
