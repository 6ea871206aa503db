"""The morphable head: parameters to vertices, with UVs, region masks and ARKit units."""

from clipface_cli.head.fit import Fit, fit_vertices
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

__all__ = ["Fit", "HeadModel", "HeadParams", "fit_vertices"]
