"""Bake the colours of a scan into a head's texture layout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts.scan import Scan
from clipface_cli.geometry import vertex_normals
from clipface_cli.geometry.surface import Surface
from clipface_cli.head import HeadModel
from clipface_cli.texture.texels import texels

REACH, FACING = 0.003, 0.5  # metres between head and scan, least cosine between their normals
EYE_REACH, EYE_FACING = 0.0015, 0.9  # the same of eyeballs: lids lie close before them
_LEAST, _TINY = 1e-6, 1e-12  # divisors where nothing is covered, and of normals of no length
_TRUST = 4  # a texel of which a quarter is known keeps its own value
_FINER = 3  # samples for a texel in each direction
_HIDDEN = ("teeth", "tongue", "mouth_interior", "sockets")  # regions that scanners do not reach


@dataclass
class Baked:
    """texture (1, 3, R, R) in -1..1 where known, and known (1, 1, R, R): covered shares of texels.

    hidden (1, 1, R, R): 1 where no scanner reaches, such as the inside of the mouth. share: of the
    layout's area that is covered; face_share: of the face's.
    """

    texture: Tensor
    known: Tensor
    hidden: Tensor
    share: float
    face_share: float

    def filled(self) -> Tensor:
        """The texture (1, 3, R, R), what is not known carried on smoothly from around."""
        return _continued(self.texture, self.known)

    def completed(self, made: Tensor) -> Tensor:
        """The texture with what is not known from `made` (1, 3, R, R), without a visible border.

        The difference between the two is carried on smoothly into what is not known, but not into
        what is hidden.
        """
        missed = _continued(self.texture - made, self.known)
        reached = 1 - F.avg_pool2d(F.max_pool2d(self.hidden, 3, 1, 1), 3, 1, 1)
        around = made + torch.maximum(reached, self.known) * missed
        return torch.lerp(around, self.texture, self.known).clamp(-1, 1)


def bake(head: HeadModel, vertices: Tensor, scan: Scan, resolution: int) -> Baked:
    """Values of the scan at the nearest point to each texel of the head's vertices (V, 3), metres.

    Points further than 3 mm, that face another way, beyond an open border, or hidden count as not
    covered.
    """
    fine = _FINER * resolution
    covered, face, weights = texels(head, fine)
    points, normals = _places(head, vertices, face, weights)
    hit = Surface(scan.vertices, scan.faces).nearest(points, normals)
    hidden = _of_vertices(head, _HIDDEN, face, weights) > 0.5
    eye = _of_vertices(head, ("eyes",), face, weights) > 0.5
    usable = (hit.distance < np.where(eye, EYE_REACH, REACH)) & ~hit.edge & ~hidden
    usable &= hit.agreement > np.where(eye, EYE_FACING, FACING)
    colours = np.zeros((len(face), 3), np.float32)
    colours[usable] = scan.colours(hit.triangle[usable], hit.weights[usable])
    on_face = _of_vertices(head, ("face",), face, weights) > 0.5
    known, layout = _texels(covered, usable), _texels(covered, np.ones(len(face)))
    return Baked(
        _texels(covered, colours) / known.clamp_min(_LEAST),
        torch.where(layout > 0, known / layout.clamp_min(_LEAST), 0.0),
        (_texels(covered, hidden) > 0).float(),
        float(usable.mean()),
        float(usable[on_face].mean()) if on_face.any() else 0.0,
    )


def _places(
    head: HeadModel, vertices: Tensor, face: NDArray[np.int64], weights: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Points and unit normals (N, 3) of texels."""
    faces = head.faces.cpu().numpy()
    points = vertices.double().cpu().numpy()
    corners = faces[face]
    normals = (vertex_normals(points, faces)[corners] * weights[..., None]).sum(1)
    normals /= np.linalg.norm(normals, axis=1, keepdims=True).clip(_TINY)
    return (points[corners] * weights[..., None]).sum(1), normals


def _of_vertices(
    head: HeadModel,
    names: tuple[str, ...],
    face: NDArray[np.int64],
    weights: NDArray[np.float64],
) -> NDArray[np.float64]:
    """The union of masks at texels (N,)."""
    masks = [head.masks[name] for name in names if name in head.masks]
    if not masks:
        return np.zeros(len(face))
    union = torch.stack(masks).amax(0).double().cpu().numpy()
    found: NDArray[np.float64] = (union[head.faces.cpu().numpy()[face]] * weights).sum(1)
    return found


def _texels(covered: NDArray[np.bool_], samples: NDArray[Any]) -> Tensor:
    """Samples (N,) or (N, C) of the covered places averaged to texels (1, C, R, R)."""
    picture = np.zeros((*covered.shape, *(samples.shape[1:] or (1,))), np.float32)
    picture[covered] = samples.reshape(len(samples), -1)
    return F.avg_pool2d(torch.from_numpy(picture).permute(2, 0, 1)[None], _FINER)


def _continued(values: Tensor, known: Tensor) -> Tensor:
    """Values (1, C, R, R), where nothing is known from what is known around, smoothly."""
    levels = [(values * known, known)]
    while levels[-1][1].shape[-1] > 1:
        moment, weight = levels[-1]
        levels.append((F.avg_pool2d(moment, 2), F.avg_pool2d(weight, 2)))
    filled = levels[-1][0] / levels[-1][1].clamp_min(_LEAST)
    for moment, weight in reversed(levels[:-1]):
        filled = F.interpolate(filled, moment.shape[-2:], mode="bilinear")
        filled = torch.lerp(
            filled, moment / weight.clamp_min(_LEAST), (_TRUST * weight).clamp(max=1)
        )
    return filled
