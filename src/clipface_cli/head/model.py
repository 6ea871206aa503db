"""`HeadModel`: shape, expression and pose to vertices."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from clipface_cli.artifacts import read_tensors
from clipface_cli.assets import builtin, locate_asset, own_format
from clipface_cli.errors import InputError
from clipface_cli.head.params import HeadParams
from clipface_cli.head.skinning import joint_transforms, rotation_matrices, skin, times
from clipface_cli.head.units import nearest_expression

FORMAT = "clipface-head"
_INSIDE_MOUTH = ("mouth_interior", "teeth", "tongue")
Landmarks: TypeAlias = dict[str, tuple[Tensor, Tensor]]


class LayoutTransfer(Protocol):
    """How the embedded head lies on another one: what other packages ask `Transfer` for."""

    def corner_uv(self) -> NDArray[np.float64]:
        """Corners of the other's faces in the embedded texture layout (F, 3, 2)."""
        ...


class HeadReader(Protocol):
    """Reads a file of one head format; None where it is of another."""

    def __call__(
        self, path: Path, shape_size: int, expression_size: int, /
    ) -> HeadModel | None: ...


READERS: dict[str, HeadReader] = {}
"""Formats besides our own, asked in this order; registry.py enters them."""


class HeadModel(nn.Module):
    """A morphable head with linear shape and expression bases and FLAME's five joints.

    template (V, 3) metres · faces (F, 3) · uv (T, 2), origin bottom left · uv_faces (F, 3) ·
    masks: region -> (V,) weights in [0, 1] · units: ARKit name -> (V, 3) displacement in metres ·
    landmarks: set of points -> vertex indices (N, 3) and their weights (N, 3) ·
    layout: "builtin" or "flame", whose textures fit it · origin (3,): the place between the eyes
    from which cameras are set · source: what was loaded · traits: how shapes (S,) change from
    woman to "man" and, with "age", from 16 to 85 years; empty where the head does not know.
    `.to(device)` moves all of these.
    """

    template: Tensor
    faces: Tensor
    uv: Tensor
    uv_faces: Tensor
    planes: Tensor
    basis: Tensor
    joint_regressor: Tensor
    skinning_weights: Tensor
    joint_template: Tensor
    joint_basis: Tensor
    joint_expression_basis: Tensor | None
    corrective_basis: Tensor | None
    origin: Tensor

    def __init__(
        self,
        tensors: dict[str, Tensor],
        masks: dict[str, Tensor],
        units: dict[str, Tensor],
        head_id: str,
        landmarks: Landmarks | None = None,
        layout: str = "builtin",
        transfer: LayoutTransfer | None = None,
        traits: dict[str, Tensor] | None = None,
    ) -> None:
        """layout: whose texture layout it is; transfer: how the embedded head lies on this one.

        tensors may hold `origin` (3,), where the embedded head's origin would be on this one.

        tensors may hold `corrective_basis` (9 (J - 1), V, 3), added by the joints' rotations.

        With it, as FLAME does, joints follow the expression as well as the shape.
        """
        super().__init__()
        for name in ("template", "faces", "uv", "uv_faces", "joint_regressor", "skinning_weights"):
            self.register_buffer(name, tensors[name], persistent=False)
        shape, expression = tensors["shape_basis"], tensors["expression_basis"]
        regressor, corrective = tensors["joint_regressor"], tensors.get("corrective_basis")
        joint_basis, moved = (
            torch.einsum("jv,kvc->kjc", regressor, b) for b in (shape, expression)
        )
        buffers = {
            "origin": tensors.get("origin", tensors["template"].new_zeros(3)),
            "planes": _planes(tensors["template"][None]),
            "basis": _planes(torch.cat([shape, expression])),
            "joint_template": regressor @ tensors["template"],
            "joint_basis": joint_basis.flatten(1),
            "joint_expression_basis": None if corrective is None else moved.flatten(1),
            "corrective_basis": None if corrective is None else _planes(corrective),
        }
        for name, buffer in buffers.items():
            self.register_buffer(name, buffer, persistent=False)
        self.shape_size, self.expression_size = len(shape), len(expression)
        self.parents = [int(p) for p in tensors["parents"]]
        self.masks = masks
        self.units = units
        self.head_id = head_id
        self.landmarks = landmarks or {}
        self.traits = traits or {}
        self.layout, self.transfer, self.source = layout, transfer, "builtin"

    @classmethod
    def load(
        cls, source: str | Path = "builtin", shape_size: int = 100, expression_size: int = 50
    ) -> HeadModel:
        """The embedded head ("builtin"), FLAME as published or imported, or our own format.

        source: a .pkl, .npz or .safetensors file or the name of an imported asset ("flame").
        FLAME has up to 300 shape and 100 expression coefficients; what the sizes ask for is kept.
        """
        head = cls._load(source, shape_size, expression_size)
        head.source = str(source)
        return head

    @classmethod
    def _load(cls, source: str | Path, shape_size: int, expression_size: int) -> HeadModel:
        if source == "builtin":
            return _read(builtin("head.safetensors"), _landmarks(builtin("landmarks.safetensors")))
        try:
            path = locate_asset(source)
        except InputError as error:
            raise InputError(
                f"No head model at {source}; give a file, 'builtin', or import FLAME first with "
                "`clipface assets import generic_model.pkl`."
            ) from error
        if own_format(path) == FORMAT:
            return _read(path)
        for read in READERS.values():
            head = read(path, shape_size, expression_size)
            if head is not None:
                return head
        raise InputError(f"{path} is a head of no format known here ({', '.join(READERS)}).")

    def _apply(self, fn: Callable[[Tensor], Tensor], recurse: bool = True) -> HeadModel:
        """Apply `fn`, as `.to()` does to buffers, to the tensors in dictionaries too."""
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        for name in ("masks", "units", "traits"):
            setattr(self, name, {key: fn(value) for key, value in getattr(self, name).items()})
        self.landmarks = {key: (fn(v), fn(w)) for key, (v, w) in self.landmarks.items()}
        if "unit_solver" in self.__dict__:
            self.unit_solver = fn(self.unit_solver)
        return self

    @property
    def inside_mouth(self) -> list[str]:
        """The regions inside the mouth, as far as this head has them; training leaves them out."""
        return [name for name in _INSIDE_MOUTH if name in self.masks]

    @property
    def shape_basis(self) -> Tensor:
        """Displacements (S, 3 V) in metres of each shape coefficient."""
        return _interleaved(self.basis[: self.shape_size])

    @property
    def expression_basis(self) -> Tensor:
        """Displacements (E, 3 V) in metres of each expression coefficient."""
        return _interleaved(self.basis[self.shape_size :])

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
        rest, transforms = self.rest_and_transforms(shape, expression, pose, neck_pose, eye_pose)
        return skin(rest, transforms, self.skinning_weights)

    def rest_and_transforms(
        self,
        shape: Tensor,
        expression: Tensor,
        pose: Tensor,
        neck_pose: Tensor | None = None,
        eye_pose: Tensor | None = None,
    ) -> tuple[Tensor, Tensor]:
        """Vertices at rest in planes (3, V, B), and joint transforms (B, J, 3, 4)."""
        batch = len(shape)
        rest = self.planes.T + times(self.basis.T, torch.cat([shape, expression], 1).T)
        joints = self.joint_template + (shape @ self.joint_basis).view(batch, -1, 3)
        neck = pose.new_zeros(batch, 3) if neck_pose is None else neck_pose
        eyes = pose.new_zeros(batch, 6) if eye_pose is None else eye_pose
        full = torch.cat([pose[:, :3], neck, pose[:, 3:], eyes], 1).view(batch, -1, 3)
        rotations = rotation_matrices(full)
        if self.corrective_basis is not None and self.joint_expression_basis is not None:
            joints = joints + (expression @ self.joint_expression_basis).view(batch, -1, 3)
            turned = rotations[:, 1:] - torch.eye(3, dtype=pose.dtype, device=pose.device)
            rest = rest + times(self.corrective_basis.T, turned.flatten(1).T)
        return rest.view(3, -1, batch), joint_transforms(rotations, joints, self.parents)

    def pose_head(self, params: HeadParams) -> Tensor:
        """Vertices (B, V, 3) of `params`."""
        rest, transforms = self.rest_and_transforms(params.shape, params.expression, params.pose)
        if params.displacement is not None:
            rest = rest + params.displacement.permute(2, 1, 0)
        return skin(rest, transforms, self.skinning_weights)

    @cached_property
    def unit_solver(self) -> Tensor:
        """(E, 3 V): displacements of the vertices to the nearest expression coefficients."""
        basis = self.expression_basis.double()
        solver: Tensor = torch.linalg.solve(basis @ basis.T, basis)
        return solver.to(self.basis.dtype)

    def expression_from_units(self, activations: dict[str, float]) -> Tensor:
        """Expression coefficients (E,) nearest to ARKit activations in [0, 1] (`fit_units`)."""
        return nearest_expression(self, activations)[0]


def _planes(vertices: Tensor) -> Tensor:
    """(K, V, 3) to (K, 3 V): all x, all y, all z."""
    return vertices.transpose(1, 2).flatten(1).contiguous()


def _interleaved(planes: Tensor) -> Tensor:
    """(K, 3 V) of planes to (K, 3 V) of one vertex after the other."""
    return planes.unflatten(1, (3, -1)).transpose(1, 2).flatten(1)


def _landmarks(path: Path) -> Landmarks:
    """Sets of points by name, of a file with `NAME_vertices` and `NAME_weights`."""
    tensors, _ = read_tensors(path, "clipface-landmarks")
    names = [key.removesuffix("_vertices") for key in tensors if key.endswith("_vertices")]
    return {n: (tensors[f"{n}_vertices"].long(), tensors[f"{n}_weights"]) for n in names}


def _read(path: Path, landmarks: Landmarks | None = None) -> HeadModel:
    tensors, header = read_tensors(path, FORMAT)
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
    traits = zip(json.loads(header.get("traits", "[]")), tensors.get("traits", ()), strict=True)
    return HeadModel(
        tensors | parts,
        dict(zip(json.loads(header["masks"]), masks, strict=True)),
        dict(zip(json.loads(header["units"]), units, strict=True)),
        header["head_id"],
        landmarks,
        traits=dict(traits),
    )


def _decoded(tensors: dict[str, Tensor], name: str) -> Tensor:
    """Displacements (K, V, 3) from int16 codes and their steps in metres."""
    return tensors[f"{name}_codes"].float() * tensors[f"{name}_steps"][:, None, None]
