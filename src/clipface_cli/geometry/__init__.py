"""Geometry that several packages need, each operation written once, and the compiler of its loops.

Normals, neighbour means and cavities, subdivision, depth maps, ambient occlusion, nearest points of
a surface, alignment. UV rasterisation stands in `clipface_cli.render`, whose rasteriser it calls.
"""

from clipface_cli.geometry.normals import batch_normals, normal_sums, vertex_normals

__all__ = ["batch_normals", "normal_sums", "vertex_normals"]
