"""Cameras, the differentiable rasteriser, and textured renders of heads, unlit or lit."""

from clipface_cli.render.antialias import (
    antialias,
    antialias_construct_topology_hash,
    antialias_ref,
)
from clipface_cli.render.camera import Camera, PerspectiveCamera
from clipface_cli.render.interpolate import interpolate, interpolate_ref
from clipface_cli.render.light import Light
from clipface_cli.render.rasterize import (
    ShownPoints,
    rasterize,
    rasterize_ref,
    shown_points,
)
from clipface_cli.render.renderer import Renderer
from clipface_cli.render.texture import flip_v, texture, texture_construct_mip, texture_ref
from clipface_cli.render.uv_raster import uv_map, uv_raster

__all__ = [
    "Camera",
    "Light",
    "PerspectiveCamera",
    "Renderer",
    "ShownPoints",
    "antialias",
    "antialias_construct_topology_hash",
    "antialias_ref",
    "flip_v",
    "interpolate",
    "interpolate_ref",
    "rasterize",
    "rasterize_ref",
    "shown_points",
    "texture",
    "texture_construct_mip",
    "texture_ref",
    "uv_map",
    "uv_raster",
]
