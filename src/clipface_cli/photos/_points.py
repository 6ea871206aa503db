"""A linear model of a head's landmarks: parameters to points, and their derivatives."""

from __future__ import annotations

from copy import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.head.skinning import rotation_matrices

_JAW = 2  # joint, as in FLAME: root, neck, jaw, eyes
JAW_CHANGE = 1e-3  # radians, for differences


@dataclass
class Placement:
    """B heads before a camera, p = scale turn y + shift.

    coefficients (B, K): shape, then expression. jaw (B, 3) axis-angle. turn (B, 3, 3): global
    rotation. scale (B,), shift (B, 3) in camera space.
    """

    coefficients: Tensor
    jaw: Tensor
    turn: Tensor
    scale: Tensor
    shift: Tensor

    def moved(self, step: Tensor) -> Placement:
        """After a step (B, K + 10): coefficients, jaw, turn about the axes, log scale, shift."""
        size = self.coefficients.shape[1]
        change, jaw, turn, scale, shift = step.split([size, 3, 3, 1, 3], 1)
        return Placement(
            self.coefficients + change,
            self.jaw + jaw,
            rotation_matrices(turn) @ self.turn,
            self.scale * scale[:, 0].exp(),
            self.shift + shift * self.scale[:, None],
        )


class PointModel:
    """Landmarks of a head as virtual vertices: bases and jaw weights interpolated."""

    def __init__(self, head: HeadModel, name: str = "mediapipe") -> None:
        corners, weights = head.landmarks[name]
        self.shape_size, self.expression_size = head.shape_size, head.expression_size

        def at_points(per_vertex: Tensor) -> Tensor:
            return torch.einsum("...nkc,nk->...nc", per_vertex[..., corners, :], weights)

        self.mean = at_points(head.template)
        bases = torch.cat([head.shape_basis, head.expression_basis]).unflatten(1, (-1, 3))
        self.basis = at_points(bases)  # (K, N, 3)
        self._rows = self.basis.permute(1, 2, 0).contiguous()  # (N, 3, K)
        self.jaw_weight = at_points(head.skinning_weights)[:, _JAW, None]
        self._joints = head.joint_template  # (J, 3)
        follows = head.joint_expression_basis
        if follows is None:
            follows = torch.zeros(head.expression_size, self._joints.numel())
        self._joint_basis = torch.cat([head.joint_basis, follows]).unflatten(1, (-1, 3))
        corrective = head.corrective_basis
        self._corrective = None
        if corrective is not None:
            rows = corrective.unflatten(1, (3, -1)).transpose(1, 2)[9 * (_JAW - 1) : 9 * _JAW]
            self._corrective = at_points(rows).flatten(1)

    def of_shape(self, shape: Tensor) -> PointModel:
        """The same landmarks for one person of shape (S,); coefficients are expressions only."""
        person = copy(self)
        mine, rest = self.basis.split([self.shape_size, self.expression_size])
        joints, rest_joints = self._joint_basis.split([self.shape_size, self.expression_size])
        person.mean = self.mean + torch.einsum("k,knc->nc", shape, mine)
        person._joints = self._joints + torch.einsum("k,kjc->jc", shape, joints)
        person.basis, person._joint_basis = rest, rest_joints
        person._rows = rest.permute(1, 2, 0).contiguous()
        person.shape_size = 0
        return person

    @property
    def size(self) -> int:
        """Number of coefficients."""
        return self.shape_size + self.expression_size

    def root(self, coefficients: Tensor) -> Tensor:
        """The joint (B, 3) about which the global rotation turns."""
        return self._joint(coefficients, 0)

    def jaw_alone(self, noise: float) -> float:
        """Share, 0..1, of the jaw's motion that no likely expression reproduces.

        noise: metres of a landmark, against which expressions have unit spread.
        """
        rest = place(self, self.mean[None])
        wanted = self._of_jaw(rest)[0, ..., 0].flatten()
        basis = self.basis[self.shape_size :].flatten(1)
        normal = basis @ basis.T + noise**2 * torch.eye(len(basis))
        missed = wanted - torch.linalg.solve(normal, basis @ wanted) @ basis
        return float(missed.square().sum() / wanted.square().sum())

    def points(self, at: Placement) -> Tensor:
        """Landmarks (B, N, 3) in camera space."""
        posed = self._posed(at.coefficients, at.jaw)
        return at.scale[:, None, None] * posed @ at.turn.transpose(1, 2) + at.shift[:, None]

    def slopes(self, at: Placement) -> Tensor:
        """Derivatives (B, N, 3, K + 10) of the points over the scale, by a step of `moved`."""
        batch = len(at.scale)
        jaw = at.turn @ rotation_matrices(at.jaw)
        weight = self.jaw_weight[:, None, None]  # (N, 1, 1, 1)
        blended = (1 - weight) * at.turn + weight * jaw  # (N, B, 3, 3)
        of_basis = torch.bmm(blended.flatten(1, 2), self._rows).unflatten(1, (batch, 3))
        posed = self._posed(at.coefficients, at.jaw) @ at.turn.transpose(1, 2)
        others = [self._of_jaw(at), _of_turn(posed), posed[..., None]]
        moved = torch.eye(3).expand(batch, posed.shape[1], 3, 3)
        return torch.cat([of_basis.transpose(0, 1), *others, moved], -1)

    def _joint(self, coefficients: Tensor, joint: int) -> Tensor:
        return self._joints[joint] + coefficients @ self._joint_basis[:, joint]

    def _posed(self, coefficients: Tensor, jaw: Tensor) -> Tensor:
        """Points (B, N, 3) in metres with the jaw turned, before the global rotation."""
        rest = (self.mean.flatten() + coefficients @ self.basis.flatten(1)).unflatten(1, (-1, 3))
        turn = rotation_matrices(jaw)
        if self._corrective is not None:
            change = (turn - torch.eye(3)).flatten(1)
            rest = rest + (change @ self._corrective).unflatten(1, (-1, 3))
        joint = self._joint(coefficients, _JAW)[:, None]
        turned = (rest - joint) @ turn.transpose(1, 2) + joint
        return rest + self.jaw_weight * (turned - rest)

    def _of_jaw(self, at: Placement) -> Tensor:
        """(B, N, 3, 3): by the jaw's angles, from central differences."""
        columns = []
        for axis in torch.eye(3):
            ahead, behind = (
                self._posed(at.coefficients, at.jaw + sign * JAW_CHANGE * axis) for sign in (1, -1)
            )
            columns.append((ahead - behind) / (2 * JAW_CHANGE) @ at.turn.transpose(1, 2))
        return torch.stack(columns, -1)


def _of_turn(posed: Tensor) -> Tensor:
    """(B, N, 3, 3): by turns about the camera's axes, of turned points (B, N, 3)."""
    x, y, z = posed.unbind(-1)
    zero = torch.zeros_like(x)
    columns = [(zero, -z, y), (z, zero, -x), (-y, x, zero)]
    return torch.stack([torch.stack(column, -1) for column in columns], -1)


def place(model: PointModel, wanted: Tensor) -> Placement:
    """The mean head brought to points (B, N, 3) of camera space by a similarity."""
    batch = len(wanted)
    centre, middle = wanted.mean(1), model.mean.mean(0)
    target, source = wanted - centre[:, None], model.mean - middle
    left, values, right = torch.linalg.svd(target.transpose(1, 2) @ source)
    signs = torch.ones(batch, 3)
    signs[:, 2] = torch.det(left @ right).sign()
    turn = left * signs[:, None] @ right
    scale = (values * signs).sum(1) / source.square().sum()
    shift = centre - scale[:, None] * (turn @ middle)
    return Placement(torch.zeros(batch, model.size), torch.zeros(batch, 3), turn, scale, shift)
