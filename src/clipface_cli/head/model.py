"""`HeadModel`: shape, expression and pose to vertices."""

from __future__ import annotations

import json
from functools import cached_property
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from clipface_cli.assets import builtin
from clipface_cli.errors import InputError
from clipface_cli.head.params import HeadParams
from clipface_cli.head.skinning import rotation_matrices, skin

FORMAT = "clipface-head"


class HeadModel(nn.Module):
    """A morphable head with linear shape and expression bases and FLAME's five joints.

    template (V, 3) metres · faces (F, 3) · uv (T, 2), origin bottom left · uv_faces (F, 3) ·
    masks: region -> (V,) weights in [0, 1] · units: ARKit name -> (V, 3) displacement in metres.
    """

    template: Tensor
    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    shape_basis: Tensor
    expression_basis: Tensor
    joint_regressor: Tensor
    skinning_weights: Tensor
    joint_template: Tensor
    joint_basis: Tensor

    def __init__(
        self,
        tensors: dict[str, Tensor],
        masks: dict[str, Tensor],
        units: dict[str, Tensor],
        head_id: str,
    ) -> None:
        super().__init__()
        for name in ("template", "faces", "uv", "uv_faces", "joint_regressor", "skinning_weights"):
            self.register_buffer(name, tensors[name], persistent=False)
        shape, expression = tensors["shape_basis"], tensors["expression_basis"]
        regressor = tensors["joint_regressor"]
        self.register_buffer("shape_basis", shape.flatten(1), persistent=False)
        self.register_buffer("expression_basis", expression.flatten(1), persistent=False)
        self.register_buffer("joint_template", regressor @ tensors["template"], persistent=False)
        joint_basis = torch.einsum("jv,kvc->kjc", regressor, shape).flatten(1)
        self.register_buffer("joint_basis", joint_basis, persistent=False)
        self.parents = [int(p) for p in tensors["parents"]]
        self.masks = masks
        self.units = units
        self.head_id = head_id

    @classmethod
    def load(cls, source: str | Path = "builtin") -> HeadModel:
        """The embedded head ("builtin") or one saved in ClipFace's own format."""
        path = builtin("head.safetensors") if source == "builtin" else Path(source)
        if not path.is_file():
            raise InputError(f"No head model at {path}; give a file or 'builtin'.")
        return _read(path)

    @property
    def shape_size(self) -> int:
        return len(self.shape_basis)

    @property
    def expression_size(self) -> int:
        return len(self.expression_basis)

    def forward(
        self,
        shape: Tensor,
        expression: Tensor,
        pose: Tensor,
        neck_pose: Tensor | None = None,
        eye_pose: Tensor | None = None,
    ) -> Tensor:
        """Vertices (B, V, 3) in metres.

        shape (B, S), expression (B, E): coefficients; pose (B, 6): axis-angle radians, global
        rotation then jaw; neck_pose (B, 3), eye_pose (B, 6): left eye then right, zero if None.
        """
        batch = len(shape)
        rest = self.template + (shape @ self.shape_basis + expression @ self.expression_basis).view(
            batch, -1, 3
        )
        joints = self.joint_template + (shape @ self.joint_basis).view(batch, -1, 3)
        neck = pose.new_zeros(batch, 3) if neck_pose is None else neck_pose
        eyes = pose.new_zeros(batch, 6) if eye_pose is None else eye_pose
        full = torch.cat([pose[:, :3], neck, pose[:, 3:], eyes], 1).view(batch, -1, 3)
        return skin(rest, rotation_matrices(full), joints, self.parents, self.skinning_weights)

    def pose_head(self, params: HeadParams) -> Tensor:
        """Vertices (B, V, 3) of `params`."""
        vertices: Tensor = self(params.shape, params.expression, params.pose)
        return vertices

    @cached_property
    def _unit_solver(self) -> Tensor:
        basis = self.expression_basis.double()
        solver: Tensor = torch.linalg.solve(basis @ basis.T, basis)
        return solver.float()

    def expression_from_units(self, activations: dict[str, float]) -> Tensor:
        """Expression coefficients (E,) nearest to ARKit activations in [0, 1] (least squares)."""
        unknown = sorted(set(activations) - set(self.units))
        if unknown:
            raise InputError(f"Unknown ARKit unit {unknown[0]!r}; known: {', '.join(self.units)}.")
        displacement = torch.zeros_like(self.template)
        for name, amount in activations.items():
            displacement = displacement + amount * self.units[name]
        return self._unit_solver @ displacement.flatten()


def _read(path: Path) -> HeadModel:
    try:
        with safe_open(path, "pt") as file:
            header = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise InputError(f"{path} is not a head model ClipFace can read ({error}).") from error
    if header.get("format") != FORMAT:
        raise InputError(f"{path} is not a ClipFace head model; import it with `clipface assets`.")
    units = _decoded(tensors, "unit")
    shape = _decoded(tensors, "shape")
    mixing = tensors["expression_mixing"]
    parts = {
        "shape_basis": shape,
        "expression_basis": torch.einsum("eu,uvc->evc", mixing, units),
        "faces": tensors["faces"].long(),
        "uv_faces": tensors["uv_faces"].long(),
    }
    masks = tensors["masks"].float() / 255
    return HeadModel(
        tensors | parts,
        dict(zip(json.loads(header["masks"]), masks, strict=True)),
        dict(zip(json.loads(header["units"]), units, strict=True)),
        header["head_id"],
    )


def _decoded(tensors: dict[str, Tensor], name: str) -> Tensor:
    """Displacements (K, V, 3) from int16 codes and their steps in metres."""
    return tensors[f"{name}_codes"].float() * tensors[f"{name}_steps"][:, None, None]
