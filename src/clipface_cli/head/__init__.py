"""The morphable head: parameters to vertices, with UVs, region masks and ARKit units."""

from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

__all__ = ["HeadModel", "HeadParams"]
