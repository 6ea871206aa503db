"""Rigs for engines: a mesh with morph targets, joints and parts, and a motion of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from clipface_cli.artifacts.images import Pixels
from clipface_cli.artifacts.mesh import Mesh

ROUGHNESS = 0.6  # skin under an engine's lights
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Joint:
    """A joint at rest, position (3,) in metres, turned by a quaternion (4,) x, y, z, w.

    parent: index of the joint it hangs on, -1 at the root; parents come first.
    """

    name: str
    parent: int
    position: Floats
    rotation: Floats


@dataclass(frozen=True)
class Part:
    """faces: (F,) which of the mesh's triangles; roughness: (H, W) map, or one value."""

    name: str
    faces: NDArray[np.bool_]
    roughness: float | NDArray[np.uint8] = ROUGHNESS


@dataclass(frozen=True)
class Rig:
    """A mesh at rest, named displacements (V, 3) in metres of its vertices, joints, parts.

    weights (V, J): how much each vertex follows each joint, summing to one; at most four a vertex.
    """

    mesh: Mesh
    targets: Mapping[str, Floats] = field(default_factory=dict)
    joints: Sequence[Joint] = ()
    weights: Floats | None = None
    parts: Sequence[Part] = ()

    @classmethod
    def plain(cls, mesh: Mesh) -> Rig:
        """One part, nothing that moves."""
        return cls(mesh, parts=[Part("skin", np.ones(len(mesh.faces), bool))])


@dataclass(frozen=True)
class Motion:
    """weights (T, K) of the rig's targets, in their order; rotations: joint -> (T, 4) quaternions.

    textures: pictures of groups of frames; groups (T,): which of them each frame shows. Both are
    empty where the texture stays.
    """

    fps: float
    weights: Floats
    rotations: Mapping[str, Floats] = field(default_factory=dict)
    textures: Sequence[Pixels] = ()
    groups: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
