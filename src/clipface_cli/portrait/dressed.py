"""A head's surface for people to look at: its painted long hair hangs, its teeth have edges."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.portrait.posed_head import (
    PaintedHair,
    Texture,
    add_hair,
    linear_texture,
    painted_hair,
)
from clipface_cli.portrait.topology import topology
from clipface_cli.portrait.tresses import columns, hang

__all__ = ["DressedHead", "PaintedHair"]

FACING = 0.3  # cosine from which a tooth's triangle belongs to the front of the row


class DressedHead:
    """The surface of a head (V vertices) with E more: edges of teeth, then hair that hangs.

    Attributes:
        faces, uv, uv_faces, masks: of all of it, the hair's last; as a `Renderer` takes them.
        hair: (F,) which triangles are hair.
        edges: how many of the E vertices are edges of teeth.
        follows: (E, V) sparse weights of the head's vertices that each of the others goes with.
    """

    def __init__(self, head: HeadModel) -> None:
        self._fixed = topology(head)
        tresses = self._fixed.tresses
        own, split = _with_edges(head)
        count, coordinates = len(head.template) + len(split), len(head.uv)
        locks = torch.from_numpy(tresses.faces).long()
        self.edges = len(split)
        self.faces = torch.cat([torch.from_numpy(own), locks + count])
        self.uv = torch.cat([head.uv.cpu(), torch.from_numpy(tresses.uv)])
        self.uv_faces = torch.cat([head.uv_faces.cpu(), locks + coordinates])
        self.hair = torch.arange(len(self.faces)) >= len(own)
        welded = sp.identity(len(head.template), format="csr")[split]
        hung = tresses.anchors[columns()] @ self._fixed.refine
        self.follows: sp.csr_matrix = sp.vstack([welded, hung], format="csr")
        self.masks = {
            name: torch.cat([mask.cpu(), mask.cpu()[split], torch.zeros(len(tresses.uv))])
            for name, mask in head.masks.items()
        }

    def painted(self, texture: Texture) -> PaintedHair:
        """The hair that (3, R, R) in [-1, 1] or uint8 (R, R, 3) paints."""
        return painted_hair(self._fixed, linear_texture(texture))

    def with_hair(self, vertices: Tensor, painted: PaintedHair) -> Tensor:
        """Vertices (V, 3) of the head to (V + E, 3): long hair stands off it and covers the ears.

        Without length the head stays as it is, and the hair lies in one point inside it.
        """
        own = vertices.detach().cpu().double().numpy()
        points = self._fixed.refine @ (own - self._fixed.origin)
        if painted.length > 0:
            raised, tresses = add_hair(self._fixed, points, painted)
            own = own + (raised - points)[: len(own)]
        else:
            tresses = hang(self._fixed.tresses, points, 0.0)
        edges = self.follows[: self.edges] @ own
        both = np.concatenate([own, edges, tresses + self._fixed.origin])
        return torch.from_numpy(both).to(vertices)


def _with_edges(head: HeadModel) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Faces (F, 3) in which fronts of teeth have vertices of their own; whose copies they are (S,).

    Vertices shared with the undersides would get normals between the two and darken the teeth.
    """
    faces = head.faces.cpu().numpy().copy()
    if "teeth" not in head.masks:
        return faces, np.zeros(0, np.int64)
    teeth = (head.masks["teeth"].cpu().numpy()[faces] > 0.5).all(1)
    corners = head.template.cpu().double().numpy()[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    middles = corners.mean(1)
    outward = (middles - middles[teeth].mean(0)) * (1, 0, 1)
    lengths = np.linalg.norm(across, axis=1) * np.linalg.norm(outward, axis=1)
    front = teeth & ((across * outward).sum(1) > FACING * lengths)
    shared = np.intersect1d(faces[front], faces[teeth & ~front])
    copies = np.arange(len(head.template))
    copies[shared] = len(head.template) + np.arange(len(shared))
    faces[front] = copies[faces[front]]
    return faces, shared
