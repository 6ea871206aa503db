"""What a portrait can know of a head before it moves: subdivision, materials, lash lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
import torch
from numpy.typing import NDArray

from ._subdivide import loop_matrix, midpoint_matrix, subdivide_faces, vertex_average

SKIN, LEFT_EYE, RIGHT_EYE, INTERIOR = 0, 1, 2, 3
LASH_RING = 3  # subdivided rings from the socket lining outward to the visible lid margin


class Head(Protocol):
    """The part of a HeadModel that a portrait reads."""

    template: torch.Tensor
    faces: torch.Tensor
    uv: torch.Tensor
    uv_faces: torch.Tensor
    masks: dict[str, torch.Tensor]


@dataclass(frozen=True)
class LashLine:
    """Lid margin of one eye, upper or lower lid, as subdivided vertices from right to left."""

    vertices: NDArray[np.int64]
    upper: bool
    left: bool


@dataclass(frozen=True)
class Topology:
    """Fixed data of a head; V1 subdivided vertices, F1 subdivided triangles."""

    refine: sp.csr_matrix  # (V1, V) Loop, linear on the eyeballs
    blend: sp.csr_matrix  # (V1, V1) neighbour mean
    coarse_faces: NDArray[np.int32]  # (F, 3), also valid on the first V subdivided vertices
    faces: NDArray[np.int32]  # (F1, 3)
    uv: NDArray[np.float32]  # (Vt1, 2)
    uv_faces: NDArray[np.int32]  # (F1, 3)
    vertex_uv: NDArray[np.int64]  # (V1,) one UV vertex of each vertex
    material: NDArray[np.int8]  # (F1,)
    rest: NDArray[np.float32]  # (V1, 3) the template, subdivided
    masks: dict[str, NDArray[np.float32]]  # (V1,) each, zeros where the head has no such mask
    eyes: tuple[NDArray[np.int64], ...]  # subdivided vertices of the left and the right eyeball
    corneas: tuple[int, ...]  # foremost vertex of each eyeball
    lashes: tuple[LashLine, ...]


_MASKS = ("skin face lips eyes lids brows scalp ears neck nose mouth_interior teeth tongue").split()
_known: WeakKeyDictionary[Head, Topology] = WeakKeyDictionary()


def topology(head: Head) -> Topology:
    """The head's `Topology`, built on first use and kept as long as the head lives."""
    if head not in _known:
        _known[head] = _build(head)
    return _known[head]


def _build(head: Head) -> Topology:
    coarse = head.faces.detach().cpu().numpy().astype(np.int64)
    template = head.template.detach().cpu().numpy().astype(np.float64)
    uv = head.uv.detach().cpu().numpy().astype(np.float64)
    uv_coarse = head.uv_faces.detach().cpu().numpy().astype(np.int64)
    count = len(template)
    raw = {name: mask.detach().cpu().numpy() for name, mask in head.masks.items()}
    eyeball = raw.get("eyes", np.zeros(count)) > 0.5

    linear = midpoint_matrix(coarse, count)
    on_eye = (linear @ eyeball) > 0.99
    keep = sp.diags(on_eye.astype(float))
    refine = keep @ linear + (sp.identity(len(on_eye)) - keep) @ loop_matrix(coarse, count)
    faces = subdivide_faces(coarse, count)
    uv_faces = subdivide_faces(uv_coarse, len(uv))
    rest = refine @ template
    masks = {name: (linear @ raw.get(name, np.zeros(count))).astype(np.float32) for name in _MASKS}
    sides = (np.flatnonzero(on_eye & (rest[:, 0] > 0)), np.flatnonzero(on_eye & (rest[:, 0] <= 0)))
    eyes = tuple(side for side in sides if len(side))
    vertex_uv = np.zeros(len(rest), np.int64)
    vertex_uv[faces] = uv_faces
    return Topology(
        refine=refine.tocsr(),
        blend=vertex_average(faces, len(rest)),
        coarse_faces=coarse.astype(np.int32),
        faces=faces.astype(np.int32),
        uv=(midpoint_matrix(uv_coarse, len(uv)) @ uv).astype(np.float32),
        uv_faces=uv_faces.astype(np.int32),
        vertex_uv=vertex_uv,
        material=_materials(faces, rest, masks),
        rest=rest.astype(np.float32),
        masks=masks,
        eyes=eyes,
        corneas=tuple(int(side[rest[side, 2].argmax()]) for side in eyes),
        lashes=_lash_lines(faces, rest, masks["lids"] > 0.99, eyes),
    )


def _materials(
    faces: NDArray[np.int64], rest: NDArray[np.float64], masks: dict[str, NDArray[np.float32]]
) -> NDArray[np.int8]:
    """Material of each triangle, by the majority of its corners."""
    material = np.full(len(faces), SKIN, np.int8)
    interior = np.maximum.reduce([masks["teeth"], masks["tongue"], masks["mouth_interior"]])
    material[interior[faces].mean(axis=1) > 0.5] = INTERIOR
    eye = masks["eyes"][faces].mean(axis=1) > 0.5
    left = rest[faces, 0].mean(axis=1) > 0
    material[eye & left] = LEFT_EYE
    material[eye & ~left] = RIGHT_EYE
    return material


def _lash_lines(
    faces: NDArray[np.int64],
    rest: NDArray[np.float64],
    lining: NDArray[np.bool_],
    eyes: tuple[NDArray[np.int64], ...],
) -> tuple[LashLine, ...]:
    """Upper and lower lid margin of each eye: `LASH_RING` rings outward from the lining's border.

    The border of the socket lining itself lies behind the margin, where lashes would be hidden.
    """
    rows, cols = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]]).T
    graph = sp.csr_matrix((np.ones(len(rows)), (rows, cols)), shape=(len(rest), len(rest)))
    graph = graph + graph.T
    lines = []
    for eye in eyes:
        left = bool(rest[eye, 0].mean() > 0)
        inside = lining & ((rest[:, 0] > 0) == left)
        ring = np.zeros(0, np.int64)
        for _ in range(LASH_RING):
            grown = inside | (graph @ inside > 0)
            ring = np.flatnonzero(grown & ~inside)
            inside = grown
        if len(ring) >= 8:
            lines += _split_lids(ring, rest, left)
    return tuple(lines)


def _split_lids(ring: NDArray[np.int64], rest: NDArray[np.float64], left: bool) -> list[LashLine]:
    """Cut a closed ring at the eye's corners into an upper and a lower line, both right to left."""
    x, y = rest[ring, 0], rest[ring, 1]
    a, b = x.argmin(), x.argmax()
    above = y > y[a] + (x - x[a]) / (x[b] - x[a]) * (y[b] - y[a])
    lids = []
    for upper in (True, False):
        side = ring[above == upper]
        lids.append(LashLine(side[rest[side, 0].argsort()], upper, left))
    return lids
