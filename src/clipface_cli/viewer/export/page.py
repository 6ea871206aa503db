"""HTML: one page with the viewer and the head in it, which opens offline."""

from __future__ import annotations

from clipface_cli.artifacts import write_page
from clipface_cli.viewer.export.exporter import ExportRequest, Facts
from clipface_cli.viewer.shown import shown_mesh, with_original


def write_page_export(request: ExportRequest) -> Facts:
    """With the head before its last edit, to compare."""
    made = with_original(request.source, request.head(), request.allow_outside)
    shown = shown_mesh(request.source, "")
    write_page(request.target, request.source.stem, shown, made.glb(request.resolution))
    return {"bytes": request.target.stat().st_size}
