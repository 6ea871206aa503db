"""Carry regions and expression units from one head to another of a different topology.

Both heads have the same joints, which aligns them; then every vertex takes what the nearest
surface points of the other head have, whose normals point the same way.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.head.model import HeadModel
from clipface_cli.head.similarity import similarity

NEIGHBOURS = 4
NORMAL_REACH = 0.02  # metres that a turn of the normal by 60 degrees counts for


class Transfer:
    """From `source` to the vertices (V, 3) of another head with joints (J, 3) in the same order."""

    def __init__(self, source: HeadModel, vertices: Tensor, faces: Tensor, joints: Tensor) -> None:
        self.source = source
        scale, rotation, shift = similarity(source.joint_template.double(), joints.double())
        turn = (scale * rotation).float()
        placed = source.template @ turn.T + shift.float()
        self.scale_rotation = turn
        self.indices, self.weights = _nearest(
            _features(placed, source.faces), _features(vertices, faces)
        )

    def masks(self) -> dict[str, Tensor]:
        """Every region of the source, (V,) weights; teeth and tongue stay behind."""
        kept = {k: v for k, v in self.source.masks.items() if k not in ("teeth", "tongue")}
        return {name: self._taken(mask[:, None])[:, 0] for name, mask in kept.items()}

    def units(self) -> dict[str, Tensor]:
        """Every ARKit unit of the source, (V, 3) displacements in metres."""
        turned = {name: unit @ self.scale_rotation.T for name, unit in self.source.units.items()}
        return {name: self._taken(unit) for name, unit in turned.items()}

    def _taken(self, values: Tensor) -> Tensor:
        return (values[self.indices] * self.weights[..., None]).sum(1)


def _features(vertices: Tensor, faces: Tensor) -> Tensor:
    """Positions and scaled normals (V, 6)."""
    corners = vertices[faces]
    area = torch.linalg.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals = torch.zeros_like(vertices)
    for corner in range(3):
        normals.index_add_(0, faces[:, corner], area)
    return torch.cat([vertices, NORMAL_REACH * torch.nn.functional.normalize(normals, dim=1)], 1)


def _nearest(source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """For each target the indices (V, k) of its nearest sources and weights (V, k)."""
    from scipy.spatial import cKDTree

    distance, index = cKDTree(source.numpy()).query(target.numpy(), NEIGHBOURS)
    weights = 1 / (torch.from_numpy(distance).float() + 1e-5).square()
    return torch.from_numpy(index), weights / weights.sum(1, keepdim=True)
