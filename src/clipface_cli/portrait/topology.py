"""Fixed data of a head that portraits share: subdivision, materials, lash lines."""

from dataclasses import dataclass
from functools import cached_property
from weakref import WeakKeyDictionary

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from clipface_cli.geometry import vertex_normals
from clipface_cli.geometry.neighbours import adjacency, vertex_average
from clipface_cli.geometry.occlusion import ambient_occlusion
from clipface_cli.geometry.subdivide import (
    loop_matrix,
    midpoint_matrix,
    subdivide_faces,
)
from clipface_cli.head import HeadModel
from clipface_cli.portrait._bust import Bust, bust_points, plan_bust
from clipface_cli.portrait._hair import Roots, plan_roots
from clipface_cli.portrait.baked import baked_light
from clipface_cli.portrait.long_strands import LongStrands, plan_long_strands
from clipface_cli.portrait.scene import CLOTH, INTERIOR, LEFT_EYE, RIGHT_EYE, SKIN
from clipface_cli.portrait.tresses import Tresses, hang, plan_tresses

LASH_RING = 5  # subdivided rings from the socket lining outward to the visible lid margin
UNBAKE = 0.7  # share, in log space, of the painted light that the portrait takes back

Ints = NDArray[np.int64]
Masks = dict[str, NDArray[np.float32]]


@dataclass(frozen=True)
class Eyeball:
    """Vertices of one eyeball before and after subdivision."""

    coarse: Ints  # (N,)
    refined: Ints  # (N1,)
    radii: sp.csr_matrix  # (N1, N) linear weights
    cornea: int  # foremost refined vertex


@dataclass(frozen=True)
class LashLine:
    """Lid margin of one eye, upper or lower lid, as subdivided vertices from right to left."""

    vertices: Ints
    upper: bool
    left: bool


@dataclass(frozen=True)
class Topology:
    """Fixed data of a head: V1 subdivided vertices, then the shirt's, then the tresses'."""

    refine: sp.csr_matrix  # (V1, V) Loop, linear on the eyeballs
    blend: sp.csr_matrix  # (V1, V1) neighbour mean
    occluders: NDArray[np.int32]  # (F, 3) triangles, the head's before subdivision
    own_faces: NDArray[np.int32]  # (4F, 3) of the head itself
    faces: NDArray[np.int32]  # (F1, 3)
    triangles: NDArray[np.int32]  # (F1, 7) vertices, UV vertices, material
    bust: Bust | None
    tresses: Tresses
    behind: NDArray[np.float32]  # (V1,) where long hair lies on the head
    baked: NDArray[np.float32]  # (V1, 3) light expected in the texture
    uv: NDArray[np.float32]  # (Vt1, 2)
    material: NDArray[np.int8]  # (F1,)
    masks: Masks  # (V1,) each, zeros where the head has no such mask
    gloss: NDArray[np.float32]  # (V1,)
    bare: Ints  # UV vertices on the bare skin of the face
    origin: NDArray[np.float64]  # (3,) of the space all positions here are in: between the eyes
    rest: NDArray[np.float32]  # (V1, 3) the template
    rest_normals: NDArray[np.float32]  # (V1, 3)
    eyes: tuple[Eyeball, ...]  # left, right
    lashes: tuple[LashLine, ...]
    roots: Roots
    vertex_uv: Ints  # (V1,) one UV vertex of each vertex

    @cached_property
    def long_strands(self) -> LongStrands:
        """Those of long hair, which many a head never has."""
        return plan_long_strands(self.rest, self.masks["scalp"], self.faces, len(self.tresses.uv))


_MASKS = (
    *("face", "nose", "lips", "eyes", "sockets", "brows", "scalp", "ears", "neck"),
    *("mouth_interior", "teeth", "tongue"),
)
_known: WeakKeyDictionary[HeadModel, Topology] = WeakKeyDictionary()


def topology(head: HeadModel) -> Topology:
    """The head's `Topology`, built on first use and kept as long as the head lives."""
    if head not in _known:
        _known[head] = _build(head)
    return _known[head]


def _build(head: HeadModel) -> Topology:
    coarse, uv_coarse = head.faces.cpu().numpy(), head.uv_faces.cpu().numpy()
    template, uv = head.template.cpu().double().numpy(), head.uv.cpu().double().numpy()
    count = len(template)
    linear = midpoint_matrix(coarse, count)
    masks = {
        name: (linear @ head.masks[name].cpu().numpy()).astype(np.float32)
        if name in head.masks
        else np.zeros(linear.shape[0], np.float32)
        for name in _MASKS
    }
    on_eye = sp.diags((masks["eyes"] > 0.99).astype(float))
    refine = on_eye @ linear + (sp.identity(linear.shape[0]) - on_eye) @ loop_matrix(coarse, count)
    faces, uv_faces = subdivide_faces(coarse, count), subdivide_faces(uv_coarse, len(uv))
    rest = refine @ template
    origin = (
        rest[masks["eyes"] > 0.5].mean(axis=0) * (1, 1, 0) if masks["eyes"].any() else 0 * rest[0]
    )
    rest = rest - origin
    eyes = _eyeballs(rest, masks["eyes"] > 0.99, linear)
    rest_normals = vertex_normals(rest, faces).astype(np.float32)
    bust = plan_bust(faces, rest)
    vertex_uv = np.zeros(len(rest), np.int64)
    vertex_uv[faces] = uv_faces
    cloth = bust.faces + len(rest) if bust else np.zeros((0, 3), np.int32)
    behind = np.clip((-0.045 - rest[:, 2]) / 0.015, 0, 1) * (rest[:, 1] < 0.03)
    hair = np.stack([masks["ears"], np.maximum(masks["scalp"], behind)])
    fine_uv = midpoint_matrix(uv_coarse, len(uv)) @ uv
    tresses = plan_tresses(faces, fine_uv, uv_faces, rest, hair)
    shirt = bust_points(bust, rest, rest_normals) if bust else np.zeros((0, 3))
    everything = np.concatenate([rest, shirt, hang(tresses, rest, 1.0)])
    locks = tresses.faces + len(rest) + len(shirt)
    all_faces = np.concatenate([faces, cloth, locks]).astype(np.int32)
    all_uv = np.concatenate([uv_faces, 0 * cloth, tresses.faces + len(fine_uv)])
    material = np.concatenate(
        [_materials(faces, rest, masks), np.full(len(cloth), CLOTH), np.full(len(locks), SKIN)]
    )
    may_grow = np.concatenate(
        [hair.max(axis=0) * (rest[:, 1] > -0.1), np.zeros(len(shirt) + len(tresses.uv))]
    )
    return Topology(
        refine=refine.tocsr(),
        blend=vertex_average(faces, len(rest)),
        bust=bust,
        tresses=tresses,
        behind=behind.astype(np.float32),
        baked=_baked_light(rest, rest_normals, coarse, masks),
        occluders=np.concatenate([coarse, cloth, locks]).astype(np.int32),
        own_faces=faces.astype(np.int32),
        faces=all_faces,
        triangles=np.concatenate([all_faces, all_uv, material[:, None]], axis=1).astype(np.int32),
        uv=np.concatenate([fine_uv, tresses.uv]).astype(np.float32),
        material=material.astype(np.int8),
        masks=masks,
        gloss=_gloss(rest, masks),
        bare=_bare(faces, uv_faces, masks),
        origin=origin,
        rest=rest.astype(np.float32),
        rest_normals=rest_normals,
        eyes=eyes,
        lashes=_lash_lines(faces, rest, masks["sockets"] > 0.5, eyes),
        roots=plan_roots(all_faces, everything, may_grow),
        vertex_uv=vertex_uv,
    )


def _eyeballs(
    rest: NDArray[np.float64], on_eye: NDArray[np.bool_], linear: sp.csr_matrix
) -> tuple[Eyeball, ...]:
    """The left and the right eyeball, as far as the head has them."""
    eyes = []
    for left in (True, False):
        refined = np.flatnonzero(on_eye & ((rest[:, 0] > 0) == left))
        if len(refined):
            coarse = refined[refined < linear.shape[1]]
            cornea = int(refined[rest[refined, 2].argmax()])
            eyes.append(Eyeball(coarse, refined, linear[refined][:, coarse], cornea))
    return tuple(eyes)


def _materials(faces: Ints, rest: NDArray[np.float64], masks: Masks) -> NDArray[np.int8]:
    """Material of each triangle, by the majority of its corners."""
    material = np.full(len(faces), SKIN, np.int8)
    interior = np.maximum.reduce([masks["teeth"], masks["tongue"], masks["mouth_interior"]])
    material[interior[faces].mean(axis=1) > 0.5] = INTERIOR
    eye = masks["eyes"][faces].mean(axis=1) > 0.5
    left = rest[faces, 0].mean(axis=1) > 0
    material[eye & left] = LEFT_EYE
    material[eye & ~left] = RIGHT_EYE
    return material


def _gloss(rest: NDArray[np.float64], masks: Masks) -> NDArray[np.float32]:
    """Oil on the skin (V1,): more on nose and forehead, most on what is wet."""
    forehead = np.clip((rest[:, 1] - 0.025) / 0.02, 0, 1) * (rest[:, 2] > -0.04)
    gloss = 0.34 + 0.12 * forehead + 0.22 * masks["nose"] - 0.10 * masks["neck"]
    gloss = gloss * (1 - 0.6 * masks["brows"])
    gloss = gloss * (1 - masks["lips"]) + 0.55 * masks["lips"]
    inside = [masks[name] for name in ("mouth_interior", "teeth", "tongue", "sockets")]
    wet = np.maximum.reduce(inside)
    return np.asarray(gloss * (1 - wet) + 0.9 * wet, np.float32)


def _baked_light(
    rest: NDArray[np.float64], normals: NDArray[np.float32], faces: Ints, masks: Masks
) -> NDArray[np.float32]:
    """The light (V1,3) that skins are painted with, as far as we undo it."""
    points, triangles = rest.astype(np.float32), faces.astype(np.int32)
    light = baked_light(ambient_occlusion(points, normals, triangles), normals)
    light = np.clip(light, 0.35, None) ** UNBAKE
    light[masks["eyes"] > 0.5] = 1
    return np.asarray(light, np.float32)


def _bare(faces: Ints, uv_faces: Ints, masks: Masks) -> Ints:
    """UV vertices on the face where there is skin and nothing else."""
    other = np.maximum.reduce(
        [mask for name, mask in masks.items() if name not in {"face", "nose"}]
    )
    bare = (masks["face"] > 0.9) & (other < 0.1)
    return np.unique(uv_faces[bare[faces]])


def _lash_lines(
    faces: Ints,
    rest: NDArray[np.float64],
    lining: NDArray[np.bool_],
    eyes: tuple[Eyeball, ...],
) -> tuple[LashLine, ...]:
    """Upper and lower lid margin of each eye: `LASH_RING` rings outward from the lining.

    The border of the socket lining itself lies behind the margin, where lashes would be hidden.
    """
    graph = adjacency(faces, len(rest))
    lines = []
    for eye in eyes:
        left = bool(rest[eye.cornea, 0] > 0)
        inside = lining & ((rest[:, 0] > 0) == left)
        ring = np.zeros(0, np.int64)
        for _ in range(LASH_RING):
            grown = inside | (graph @ inside > 0)
            ring = np.flatnonzero(grown & ~inside)
            inside = grown
        if len(ring) >= 8:
            lines += _split_lids(ring, rest, left)
    return tuple(lines)


def _split_lids(ring: Ints, rest: NDArray[np.float64], left: bool) -> list[LashLine]:
    """Cut a closed ring at the eye's corners into an upper and a lower line, both right to left."""
    x, y = rest[ring, 0], rest[ring, 1]
    a, b = x.argmin(), x.argmax()
    above = y > y[a] + (x - x[a]) / (x[b] - x[a]) * (y[b] - y[a])
    lids = []
    for upper in (True, False):
        side = ring[above == upper]
        lids.append(LashLine(side[rest[side, 0].argsort()], upper, left))
    return lids
