"""Heads for people to look at, and for other programs: the local page, films, sheets, exports."""

from clipface_cli.viewer.dress import dress
from clipface_cli.viewer.export import EXPORTERS, Exporter, ExportRequest
from clipface_cli.viewer.portrait_sheet import write_portrait_sheet
from clipface_cli.viewer.shown import Compared, find_shown, listing, shown_mesh, with_original
from clipface_cli.viewer.turntable import FRAMES as TURNTABLE_FRAMES
from clipface_cli.viewer.turntable import write_turntable

__all__ = [
    "EXPORTERS",
    "TURNTABLE_FRAMES",
    "Compared",
    "ExportRequest",
    "Exporter",
    "dress",
    "find_shown",
    "listing",
    "shown_mesh",
    "with_original",
    "write_portrait_sheet",
    "write_turntable",
]
