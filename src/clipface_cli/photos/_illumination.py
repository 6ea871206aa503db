"""Light multiplied into textures, so that fast unlit renders show lit heads."""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.geometry import batch_normals
from clipface_cli.head import HeadModel
from clipface_cli.render.light import irradiance
from clipface_cli.texture.texels import texels


class Illumination:
    """Ambient light on a head, computed at its vertices and interpolated over the texels."""

    def __init__(self, head: HeadModel, resolution: int) -> None:
        covered, face, weights = (torch.as_tensor(each) for each in texels(head, resolution))
        self._faces, self._covered = head.faces, covered
        corners = head.faces[face.long()].long().flatten()
        rows = torch.arange(len(face)).repeat_interleave(3)
        size = len(face), len(head.template)
        self._carry = torch.sparse_coo_tensor(
            torch.stack([rows, corners]), weights.float().flatten(), size, check_invariants=True
        ).coalesce()

    def __call__(self, albedo: Tensor, vertices: Tensor, light: Tensor) -> Tensor:
        """Albedo (B, 3, R, R) in -1..1, row 0 at the top, of heads (B, V, 3), times the light.

        light (B, 9, 3): spherical harmonics as `Light.ambient`, in the heads' own axes.
        """
        received = irradiance(batch_normals(vertices, self._faces)[:, None], light)[:, 0]
        per_vertex = received.permute(1, 0, 2).flatten(1)
        per_texel = (self._carry @ per_vertex).unflatten(1, (-1, 3)).permute(1, 2, 0)
        shown = (albedo[:, :, self._covered] + 1) * per_texel - 1
        return albedo.masked_scatter(self._covered, shown)
