"""Geometry that several packages need, written once, and the compiler of its loops.

UV rasterisation stands in `clipface_cli.render`, whose rasteriser it calls.
"""

from clipface_cli.geometry.normals import batch_normals, normal_sums, vertex_normals

__all__ = ["batch_normals", "normal_sums", "vertex_normals"]
