"""OBJ, PLY and STL: the surface as it is, with its texture where the format has one."""

from __future__ import annotations

from clipface_cli.artifacts import read_geometry, turned, write_obj, write_ply, write_stl
from clipface_cli.avatar import read_textured
from clipface_cli.viewer.export.exporter import ExportRequest, Facts, mesh_facts, resized


def write_obj_export(request: ExportRequest) -> Facts:
    """OBJ with MTL and PNG."""
    mesh, texture = read_textured(request.source, request.allow_outside)
    moved = turned(mesh, request.up, request.per_metre)
    write_obj(request.target, moved, resized(texture, request.resolution))
    return mesh_facts(mesh)


def write_ply_export(request: ExportRequest) -> Facts:
    """PLY with PNG."""
    mesh, texture = read_textured(request.source, request.allow_outside)
    moved = turned(mesh, request.up, request.per_metre)
    write_ply(request.target, moved, resized(texture, request.resolution))
    return mesh_facts(mesh)


def write_stl_export(request: ExportRequest) -> Facts:
    """STL, which has no texture."""
    mesh = read_geometry(request.source)
    write_stl(request.target, turned(mesh, request.up, request.per_metre))
    return mesh_facts(mesh)
