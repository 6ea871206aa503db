"""Carry regions, units, landmarks and layout of one head to another of a different topology.

The source is first registered to the other head's surface; then every point takes what the nearest
point of the source has, eyeballs from eyeballs and skin from skin.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.geometry.surface import TINY, Floats, Nearest, Surface, plane_weights
from clipface_cli.head.model import HeadModel
from clipface_cli.head.register import register

TORN = 0.15  # corners further apart than this in the layout are on two sides of a seam
BEYOND = -3, 4  # weights between which a layout is extrapolated from a triangle
FEWEST = 100  # triangles of skin that a registration needs; with fewer only the eyes are matched
LEFT_BEHIND = ("teeth", "tongue")
_JOINED = 0.05  # metres that the eyes' distance is taken for where a model has none


@dataclass
class OtherHead:
    """vertices (V, 3) metres, y up, facing +z; faces (F, 3); eyeballs (V,) bool.

    eyes (2, 3): the eyeballs' centres, left then right.
    """

    vertices: Tensor
    faces: Tensor
    eyeballs: Tensor
    eyes: Tensor


class Transfer:
    """From `source` to another head; `placed` (V, 3) are the source's vertices on its surface."""

    def __init__(self, source: HeadModel, other: OtherHead, placed: Tensor | None = None) -> None:
        self.source, self.other = source, other
        self.placed = _placed(source, other) if placed is None else placed
        self.scale = _scale(source, other)
        self.origin = _shift(source, other)
        self._faces = source.faces.numpy()
        ball = source.masks["eyes"].numpy()[self._faces].min(1) > 0.5
        inner = np.maximum.reduce([source.masks[name].numpy() for name in LEFT_BEHIND])
        skin = ~ball & (inner[self._faces].max(1) < 0.5)
        self._parts = {True: np.flatnonzero(ball), False: np.flatnonzero(skin)}
        points = self.placed.numpy()
        self._surfaces = {k: Surface(points, self._faces[f]) for k, f in self._parts.items()}

    def nearest(self, points: Floats, normals: Floats, eyeballs: NDArray[np.bool_]) -> Nearest:
        """Points of the source, whose `triangle` counts in the source's faces."""
        found = Nearest.empty(len(points))
        for ball, surface in self._surfaces.items():
            rows = np.flatnonzero(eyeballs == ball)
            if len(rows):
                part = surface.nearest(points[rows], None if ball else normals[rows])
                part.triangle = self._parts[ball][part.triangle]
                found.put(rows, part)
        return found

    def masks(self) -> dict[str, Tensor]:
        """Every region of the source, (V,) weights; the other has no teeth and no tongue."""
        hit = self._at_vertices()
        masks = {
            name: _float(hit.carry(self._faces, mask.numpy()))
            for name, mask in self.source.masks.items()
        }
        return masks | {name: torch.zeros(len(self.other.vertices)) for name in LEFT_BEHIND}

    def units(self) -> dict[str, Tensor]:
        """Every ARKit unit of the source, (V, 3) displacements in metres."""
        hit = self._at_vertices()
        units = self.source.units.items()
        return {k: _float(self.scale * hit.carry(self._faces, u.numpy())) for k, u in units}

    def landmarks(self) -> dict[str, tuple[Tensor, Tensor]]:
        """Every set of the source's landmarks: vertices (N, 3) and weights (N, 3) of the other."""
        faces = self.other.faces[~self.other.eyeballs[self.other.faces].any(1)]
        surface = Surface(self.other.vertices.numpy(), faces.numpy())
        sets = {}
        for name, (corners, weights) in self.source.landmarks.items():
            hit = surface.nearest((self.placed[corners] * weights[..., None]).sum(1).numpy())
            sets[name] = (faces[torch.from_numpy(hit.triangle)], _float(hit.weights))
        return sets

    def layout(self) -> tuple[Tensor, Tensor]:
        """The source's texture layout on the other's faces: uv (T, 2) and uv faces (F, 3)."""
        corners = self.corner_uv()
        faces = self.other.faces.numpy()
        key = np.concatenate([faces.reshape(-1, 1), np.round(corners.reshape(-1, 2), 6)], 1)
        unique, inverse = np.unique(key, axis=0, return_inverse=True)
        return _float(unique[:, 1:]), torch.from_numpy(inverse.reshape(-1, 3))

    def corner_uv(self) -> Floats:
        """Where the corners of the other's faces lie in the source's texture layout (F, 3, 2).

        Where a face lies across a seam, its corners go on from the triangle under its middle.
        """
        faces = self.other.faces.numpy()
        layout = self.source.uv.double().numpy()[self.source.uv_faces.numpy()]
        hit = self._at_vertices()
        uv: Floats = (layout[hit.triangle] * hit.weights[..., None]).sum(1)[faces]
        torn = np.abs(uv - np.roll(uv, 1, axis=1)).max((1, 2)) > TORN
        points = self.other.vertices.double().numpy()[faces[torn]]
        balls = self.other.eyeballs.numpy()[faces[torn]].all(1)
        under = self.nearest(points.mean(1), _normals(points), balls).triangle
        placed = self.placed.double().numpy()[self._faces[under]]
        beyond = np.clip(plane_weights(points, placed[:, None]), *BEYOND)
        uv[torn] = np.einsum("fkc,fcx->fkx", beyond, layout[under]).clip(0, 1)
        return uv

    def _at_vertices(self) -> Nearest:
        points = self.other.vertices.double().numpy()
        normals = Surface(points, self.other.faces.numpy()).vertex_normals()
        return self.nearest(points, normals, self.other.eyeballs.numpy())


def _normals(triangles: Floats) -> Floats:
    """Unit normals (F, 3) of triangles (F, 3, 3)."""
    a, b, c = np.moveaxis(triangles, 1, 0)
    across = np.cross(b - a, c - a)
    unit: Floats = across / np.maximum(np.linalg.norm(across, axis=1, keepdims=True), TINY)
    return unit


def _scale(source: HeadModel, other: OtherHead) -> float:
    """Size of the other head in sizes of the source, by the distance between the eyes."""
    own = source.joint_template[3:5]
    ratio = float((other.eyes[0] - other.eyes[1]).norm() / (own[0] - own[1]).norm())
    return ratio if ratio > 0 else 1.0


def _shift(source: HeadModel, other: OtherHead) -> Tensor:
    """The position (3,) of the source's origin on the other head, metres."""
    return other.eyes.mean(0) - _scale(source, other) * source.joint_template[3:5].mean(0)


def _placed(source: HeadModel, other: OtherHead) -> Tensor:
    """The source's vertices (V, 3) on the other's surface, with its eyeballs in the other's."""
    scale, shift, eyes = _scale(source, other), _shift(source, other), source.joint_template[3:5]
    skin = other.faces[~other.eyeballs[other.faces].any(1)]
    points = ((other.vertices - shift) / scale).double().numpy()
    if len(skin) < FEWEST:
        return scale * source.template + shift
    found = register(source, Surface(points, skin.numpy()), expressive=False)
    placed = scale * found.vertices + shift
    on_eye = source.masks["eyes"] > 0.5
    for eye, centre in zip(eyes, other.eyes, strict=True):
        own = on_eye & ((source.template[:, 0] > 0) == (eye[0] > 0))
        theirs = other.eyeballs & ((other.vertices - centre).norm(dim=1) < 0.5 * _JOINED * scale)
        if not theirs.any():
            continue
        arms = source.template[own] - eye
        radius = (other.vertices[theirs] - centre).norm(dim=1).mean()
        placed[own] = centre + arms * (radius / arms.norm(dim=1).mean())
    return placed


def _float(values: NDArray[Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values)).float()
