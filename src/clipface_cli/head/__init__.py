"""The morphable head: parameters to vertices, with UVs, region masks and ARKit units."""

from clipface_cli.head.fit import Fit, fit_vertices
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams
from clipface_cli.head.registry import READERS
from clipface_cli.head.rig import motion_of, rig_of
from clipface_cli.head.units import UnitFit, fit_activations, fit_units

__all__ = [
    "READERS",
    "Fit",
    "HeadModel",
    "HeadParams",
    "UnitFit",
    "fit_activations",
    "fit_units",
    "fit_vertices",
    "motion_of",
    "rig_of",
]
