"""Linear blend skinning over a short kinematic chain, as in FLAME.

Vertices lie in planes (3, V, B) here, all x, then all y, then all z: every operation runs along
contiguous memory, where a product of small matrices for every vertex would be far slower.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

_MANY = 16  # columns from which a matrix product is faster than that of the transposes
_EPSILON = 1e-16  # square radians: keeps the gradient of no rotation finite


def rotation_matrices(axis_angle: Tensor) -> Tensor:
    """Rodrigues' formula: axis-angle (..., 3) in radians to matrices (..., 3, 3)."""
    angle = (axis_angle.square().sum(-1, keepdim=True) + _EPSILON).sqrt()
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


def times(matrix: Tensor, columns: Tensor) -> Tensor:
    """matrix (N, K) @ columns (..., K, B); in memory, few columns lie one after the other."""
    if columns.shape[-1] < _MANY:
        return (columns.mT @ matrix.T).mT
    return matrix @ columns


def skin(planes: Tensor, transforms: Tensor, weights: Tensor) -> Tensor:
    """Posed vertices (B, V, 3) from planes (3, V, B) at rest.

    transforms (B, J, 3, 4); weights (V, J), constant, sum to one over J.
    """
    blend: Callable[[Tensor, Tensor, Tensor], Tensor] = _Blend.apply
    return blend(planes, transforms, weights).permute(2, 1, 0).contiguous()


def skin_ref(vertices: Tensor, transforms: Tensor, weights: Tensor) -> Tensor:
    """Vertices (B, V, 3) as of `skin`, by the formula written out."""
    blended = torch.einsum("vj,bjrc->bvrc", weights, transforms)
    return torch.einsum("bvrc,bvc->bvr", blended[..., :3], vertices) + blended[..., 3]


def _blended(transforms: Tensor, weights: Tensor) -> Tensor:
    """(4, 3, V, B): the transform of each vertex, column by column."""
    return times(weights, transforms.permute(3, 2, 1, 0))


class _Blend(torch.autograd.Function):
    """Planes moved by the blended transforms of their vertices.

    Autograd would keep and add up every partial product; both gradients are known.
    """

    @staticmethod
    def forward(ctx: Any, planes: Tensor, transforms: Tensor, weights: Tensor) -> Tensor:
        blended = _blended(transforms, weights)
        ctx.save_for_backward(planes, transforms, blended, weights)
        moved = blended[3]  # written over: the backward pass needs the other columns only
        for axis in range(3):
            moved.addcmul_(blended[axis], planes[axis])
        return moved

    @staticmethod
    def backward(ctx: Any, out: Tensor) -> tuple[Tensor, Tensor, None]:
        planes, transforms, blended, weights = ctx.saved_tensors
        if torch.is_grad_enabled():  # a second derivative is wanted
            blended = _blended(transforms, weights)
        out = torch.empty_like(planes).copy_(out)
        of_planes = out[0] * blended[:3, 0]
        of_planes = torch.addcmul(of_planes, out[1], blended[:3, 1])
        of_planes = torch.addcmul(of_planes, out[2], blended[:3, 2])
        columns = [times(weights.T, out * planes[axis]) for axis in range(3)]
        of_blended = torch.stack([*columns, times(weights.T, out)])  # (4, 3, J, B)
        return of_planes, of_blended.permute(3, 2, 1, 0), None
