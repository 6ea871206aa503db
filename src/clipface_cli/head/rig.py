"""A posed head as a rig: vertices at rest, ARKit units, joints, parts with their roughness."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from torch import Tensor

from clipface_cli.artifacts import Joint, Mesh, Motion, Part, Rig
from clipface_cli.head.model import HeadModel
from clipface_cli.head.params import HeadParams

JOINTS = ("root", "neck", "jaw", "eye_left", "eye_right")
NEUTRAL = "neutral"  # the target that takes the mesh's own expression away
VISIBLE = 1e-5  # metres; an expression that moves no vertex further needs no such target
MAP = 256  # texels of the roughness map a side
BLUR = 1.5  # texels
SKIN, OILY, LIPS, DRY, HAIR = 0.56, 0.46, 0.38, 0.62, 0.78  # roughness
EYES, TEETH, MOUTH = 0.12, 0.3, 0.5


def rig_of(head: HeadModel, params: HeadParams, vertices: Tensor) -> Rig:
    """The rig whose mesh, posed as `params` say, has these vertices (V, 3) in metres.

    The expression stays in the mesh, so that it looks the same in programs that know no morph
    targets; the target "neutral" takes it away. params: a batch of one.
    """
    own = (params.expression @ head.expression_basis).view(-1, 3)
    targets = {name: _floats(moved) for name, moved in head.units.items()}
    if own.norm(dim=1).max() > VISIBLE:
        targets[NEUTRAL] = _floats(-own)
    rest, joints = _rest(head, params, vertices)
    return Rig(
        Mesh.of_head(head, rest),
        targets,
        [
            Joint(name, head.parents[j], _floats(joints[j]), quaternions(_turns(params.pose)[0, j]))
            for j, name in enumerate(JOINTS)
        ],
        _floats(head.skinning_weights),
        _parts(head),
    )


def motion_of(head: HeadModel, rig: Rig, expression: Tensor, pose: Tensor, fps: float) -> Motion:
    """The rig moved through a sequence: expression (T, E), pose (T, 6) radians.

    Weights are the units' least-squares activations, which reproduce the vertices exactly where
    the expression basis is made of the units, as the embedded head's is; few leave 0..1.
    """
    units = torch.stack([unit.flatten() for unit in head.units.values()]).cpu().double()
    moved = expression.cpu().double() @ head.expression_basis.cpu().double()
    solved = torch.linalg.lstsq(units.T, moved.T, driver="gelsd").solution.T
    weights = solved.new_zeros(len(expression), len(rig.targets))
    weights[:, : len(units)] = solved
    if NEUTRAL in rig.targets:
        weights[:, -1] = 1
    turns = _turns(pose)
    rotations = {
        name: quaternions(turns[:, JOINTS.index(name)])
        for name in ("root", "jaw")
        if turns[:, JOINTS.index(name)].abs().max() > 0
        or np.abs(rig.joints[JOINTS.index(name)].rotation[:3]).max() > 0
    }
    return Motion(fps, weights.numpy(), rotations)


def quaternions(axis_angle: Tensor) -> NDArray[np.float64]:
    """Axis-angle (..., 3) in radians as unit quaternions (..., 4) x, y, z, w."""
    turn = axis_angle.double()
    angle = turn.norm(dim=-1, keepdim=True)
    axis = 0.5 * turn * torch.sinc(angle / (2 * torch.pi))
    return torch.cat([axis, (angle / 2).cos()], -1).cpu().numpy()


def _rest(head: HeadModel, params: HeadParams, vertices: Tensor) -> tuple[Tensor, Tensor]:
    """Vertices (V, 3) with the pose undone, and joints (J, 3)."""
    _, transforms = head.rest_and_transforms(params.shape, params.expression, params.pose)
    joints = head.joint_template + (params.shape @ head.joint_basis).view(-1, 3)
    blended = torch.einsum("vj,jrc->vrc", head.skinning_weights, transforms[0])
    unturned = torch.linalg.solve(blended[..., :3], vertices.reshape(-1, 3) - blended[..., 3])
    return unturned, joints


def _turns(pose: Tensor) -> Tensor:
    """pose (B, 6) as axis-angle (B, J, 3) of every joint."""
    still = pose.new_zeros(len(pose), 3)
    return torch.stack([pose[:, :3], still, pose[:, 3:], still, still], 1)


def _parts(head: HeadModel) -> list[Part]:
    inside = {
        name: (head.masks[name][head.faces] > 0.5).all(1).cpu().numpy()
        for name in ("eyes", "teeth", "mouth_interior")
    }
    mouth = inside["mouth_interior"] & ~inside["teeth"]
    skin = ~(inside["eyes"] | inside["teeth"] | mouth)
    parts = [
        Part("skin", skin, _roughness(head)),
        Part("eyes", inside["eyes"], EYES),
        Part("teeth", inside["teeth"], TEETH),
        Part("mouth", mouth, MOUTH),
    ]
    return [part for part in parts if part.faces.any()]  # FLAME has no teeth


def _roughness(head: HeadModel) -> NDArray[np.uint8]:
    """Roughness (MAP, MAP) painted from the region masks: oily, dry, moist and hairy skin."""
    rough = head.template.new_full((len(head.template),), SKIN)
    for name, value in (
        ("nose", OILY),
        ("neck", DRY),
        ("ears", DRY),
        ("scalp", HAIR),
        ("brows", HAIR),
        ("lips", LIPS),
    ):
        rough = rough.lerp(torch.full_like(rough, value), head.masks[name])
    level = (255 * rough[head.faces].mean(1)).round().int().tolist()
    picture = Image.new("L", (MAP, MAP), round(255 * SKIN))
    draw = ImageDraw.Draw(picture)
    corners = head.uv[head.uv_faces] * head.uv.new_tensor([MAP, -MAP])
    corners = corners + head.uv.new_tensor([0.0, MAP])
    for triangle, value in zip(corners.flatten(1).tolist(), level, strict=True):
        draw.polygon(triangle, fill=value)
    return np.asarray(picture.filter(ImageFilter.GaussianBlur(BLUR)))


def _floats(values: Tensor) -> NDArray[np.float64]:
    return values.detach().cpu().double().numpy()
