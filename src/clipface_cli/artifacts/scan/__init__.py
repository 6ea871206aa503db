"""Textured meshes of any topology, as scanners and modelling programs write them."""

from clipface_cli.artifacts.scan.reading import read_scan
from clipface_cli.artifacts.scan.surface import Scan

__all__ = ["Scan", "read_scan"]
