"""Heads in the file formats of other programs."""

from clipface_cli.viewer.export.exporter import Exporter, ExportRequest
from clipface_cli.viewer.export.gltf import write_glb_export
from clipface_cli.viewer.export.page import write_page_export
from clipface_cli.viewer.export.surface import (
    write_obj_export,
    write_ply_export,
    write_stl_export,
)

EXPORTERS: dict[str, Exporter] = {
    "obj": Exporter(write_obj_export, beside=(".mtl", ".png")),
    "ply": Exporter(write_ply_export, beside=(".png",)),
    "stl": Exporter(write_stl_export),
    "glb": Exporter(write_glb_export, free_axes=False),
    "html": Exporter(write_page_export, free_axes=False),
}
"""Formats by the endings of their files."""

__all__ = ["EXPORTERS", "ExportRequest", "Exporter"]
