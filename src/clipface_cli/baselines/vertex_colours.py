"""A head subdivided to many vertices, and the UV texture that their colours make."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import torch
from scipy.ndimage import distance_transform_edt
from torch import Tensor

from clipface_cli.geometry.subdivide import midpoint_matrix, subdivide_faces
from clipface_cli.head import HeadModel
from clipface_cli.render import shown_points, uv_raster


@dataclass(frozen=True)
class FineMesh:
    """faces (F, 3) of vertices (1, V, 3) in metres, uv_faces (F, 3) of uv (T, 2); no masks.

    The head's own vertices come first.
    """

    vertices: Tensor
    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    masks: Mapping[str, Tensor] = field(default_factory=dict)

    @classmethod
    def of_head(cls, head: HeadModel, vertices: Tensor, count: int) -> FineMesh:
        """Its surface with vertices (1, V, 3), each triangle split in four until there are about
        `count` vertices: as near to it, in ratio, as whole rounds come."""
        faces, uv_faces = head.faces.cpu().numpy(), head.uv_faces.cpu().numpy()
        points, uv = vertices[0].double().cpu().numpy(), head.uv.double().cpu().numpy()
        for _ in range(max(round(math.log(count / len(points), 4)), 0)):
            more = midpoint_matrix(faces, len(points)) @ points
            faces, points = subdivide_faces(faces, len(points)), more
            more = midpoint_matrix(uv_faces, len(uv)) @ uv
            uv_faces, uv = subdivide_faces(uv_faces, len(uv)), more
        place = vertices.device
        return cls(
            torch.from_numpy(points).float().to(place)[None],
            torch.from_numpy(faces).to(place),
            torch.from_numpy(uv).float().to(place),
            torch.from_numpy(uv_faces).to(place),
        )


class VertexColours:
    """Between colours of vertices and UV textures (1, 3, R, R); both differentiable."""

    def __init__(self, mesh: FineMesh, resolution: int) -> None:
        covered, face, weights = shown_points(uv_raster(mesh, resolution)[0])
        _, (row, column) = distance_transform_edt(~covered, return_indices=True)
        order = np.zeros(covered.shape, np.int64)
        order[covered] = np.arange(len(face))
        nearest = order[row, column].ravel()  # texels beside the layout go with the nearest on it
        place = mesh.vertices.device
        corners = mesh.faces.cpu().numpy()[face][nearest]
        self._corners = torch.from_numpy(corners).to(place)
        self._weights = torch.from_numpy(weights[nearest]).float().to(place)
        self._resolution = resolution
        self._uv = torch.zeros_like(mesh.vertices[0, :, :2])
        self._uv[mesh.faces] = mesh.uv[mesh.uv_faces]

    def bake(self, colours: Tensor) -> Tensor:
        """The texture of vertex colours (V, 3), interpolated within triangles."""
        texels = (self._weights[..., None] * colours[self._corners]).sum(1)
        return texels.T.unflatten(1, (self._resolution, self._resolution))[None]

    def read(self, texture: Tensor) -> Tensor:
        """Colours (V, 3) of a texture at one UV of each vertex."""
        grid = self._uv * self._uv.new_tensor([2.0, -2.0]) + self._uv.new_tensor([-1.0, 1.0])
        read = torch.nn.functional.grid_sample(
            texture, grid[None, None], padding_mode="border", align_corners=False
        )
        return read[0, :, 0].T
