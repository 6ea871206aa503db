"""Linear blend skinning over a short kinematic chain, as in FLAME."""

from __future__ import annotations

import torch
from torch import Tensor


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula: axis-angle (..., 3) in radians to matrices (..., 3, 3)."""
    angle = (axis_angle.square().sum(-1, keepdim=True) + 1e-16).sqrt()
    x, y, z = (axis_angle / angle).unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1)
    cross = cross.reshape(*axis_angle.shape[:-1], 3, 3)
    sine, cosine = angle.sin()[..., None], angle.cos()[..., None]
    identity = torch.eye(3, dtype=axis_angle.dtype, device=axis_angle.device)
    matrices: Tensor = identity + sine * cross + (1 - cosine) * (cross @ cross)
    return matrices


def joint_transforms(rotations: Tensor, joints: Tensor, parents: list[int]) -> Tensor:
    """(B, J, 3, 4): how each joint moves points that are given at rest.

    rotations (B, J, 3, 3) relative to each joint's parent; joints (B, J, 3) at rest;
    parents[j] < j, -1 at the root.
    """
    turned = [rotations[:, 0]]
    moved = [joints[:, 0]]
    for joint in range(1, len(parents)):
        parent = parents[joint]
        offset = joints[:, joint] - joints[:, parent]
        turned.append(turned[parent] @ rotations[:, joint])
        moved.append(moved[parent] + (turned[parent] @ offset[..., None])[..., 0])
    rotation = torch.stack(turned, 1)
    shift = torch.stack(moved, 1) - (rotation @ joints[..., None])[..., 0]
    return torch.cat([rotation, shift[..., None]], -1)


def skin(vertices: Tensor, transforms: Tensor, weights: Tensor) -> Tensor:
    """Posed vertices (B, V, 3) from (B, V, 3) at rest.

    transforms (B, J, 3, 4); weights (V, J) sum to one over J. The four columns of the blended
    transforms are added one by one: a product of small matrices for every vertex is far slower.
    """
    columns = transforms.transpose(2, 3).flatten(2)  # (B, J, 12), column after column
    first, second, third, shift = (weights @ columns).unflatten(-1, (4, 3)).unbind(2)
    x, y, z = vertices.split(1, -1)
    posed: Tensor = first * x + second * y + third * z + shift
    return posed
