"""Shaded pictures of heads for people to look at: skin, hair, lashes and cloth under studio light.

Not differentiable; what an edit optimises is drawn by `clipface_cli.render`.
"""

from clipface_cli.portrait.baked import baked_light
from clipface_cli.portrait.draw import PIVOT, THREE_QUARTER, portrait, portraits, project, rotation
from clipface_cli.portrait.dressed import DressedHead, PaintedHair
from clipface_cli.portrait.scanned import draw_scan, screen_of

__all__ = [
    "PIVOT",
    "THREE_QUARTER",
    "DressedHead",
    "PaintedHair",
    "baked_light",
    "draw_scan",
    "portrait",
    "portraits",
    "project",
    "rotation",
    "screen_of",
]
