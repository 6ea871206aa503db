"""The CPU backend: kernels compiled by numba, exact in coverage and equal to the bit in each run.

Each operation's autograd function stands in a file of its name; kernels in the others.
"""

from clipface_cli.render.backends.cpu._silhouettes import SLACK, STEPS
from clipface_cli.render.backends.cpu._visibility import GUARD, SUBPIXEL
from clipface_cli.render.backends.cpu.antialias import antialias, outline_edges, topology_hash
from clipface_cli.render.backends.cpu.interpolate import interpolate
from clipface_cli.render.backends.cpu.rasterize import rasterize, rasterize_front
from clipface_cli.render.backends.cpu.texture import texture
from clipface_cli.render.backends.cpu.unlit import draw as fused

__all__ = [
    "GUARD",
    "SLACK",
    "STEPS",
    "SUBPIXEL",
    "antialias",
    "available",
    "device",
    "fused",
    "interpolate",
    "mend",
    "outline_edges",
    "rasterize",
    "rasterize_front",
    "require",
    "texture",
    "topology_hash",
]

device, mend = "cpu", ""


def available() -> bool:
    """It draws everywhere."""
    return True


def require() -> None:
    """Nothing is missing."""
