"""Cameras, scaled orthographic or perspective, with the head turned by yaw and pitch."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import torch
from torch import Tensor

from clipface_cli.geometry.jit import array
from clipface_cli.render._check import check_tensor
from clipface_cli.render._orthographic import project

_FRONT = (6.0, 0.0, 0.034)  # the whole embedded head and its neck
_PIVOT = (0.0, -0.02, -0.05)  # the middle of the embedded head, in metres
_NEAR = 0.01  # metres
Degrees: TypeAlias = float | Sequence[float] | Tensor
Place: TypeAlias = torch.device | str | None


@dataclass(frozen=True)
class Camera:
    """Cameras that look along -z at heads in metres.

    x' = s (x + tx) and y' = s (y + ty) are in -1..1 over the square image, y up. Depth is -z in
    metres, so only what lies within a metre of the origin is seen.

    Attributes:
        params: (B, 3) scale s, then tx, ty in metres.
        yaw: (B,) radians; positive turns the face to the head's own left. None: no turn.
        pitch: (B,) radians; positive nods it down. None: no nod.
        pivot: point in metres about which the head turns: nod first, then turn.
    """

    params: Tensor
    yaw: Tensor | None = None
    pitch: Tensor | None = None
    pivot: tuple[float, float, float] = _PIVOT

    def __post_init__(self) -> None:
        check_tensor("params", self.params)
        if self.params.ndim != 2 or self.params.shape[1] != 3:
            raise ValueError(f"params must have shape (B, 3), not {tuple(self.params.shape)}")
        _check_each(len(self), yaw=self.yaw, pitch=self.pitch)

    def __len__(self) -> int:
        return len(self.params)

    @classmethod
    def front(cls, batch: int = 1, device: torch.device | str = "cpu") -> "Camera":
        """The whole embedded head from the front."""
        return cls(torch.tensor(_FRONT, device=device).repeat(batch, 1))

    @classmethod
    def turned(
        cls, yaw_degrees: Degrees, pitch_degrees: Degrees = 0.0, device: Place = None
    ) -> "Camera":
        """The whole embedded head turned by these angles; a camera for each of a sequence.

        They lie on `device`, or else where a tensor of angles does, or on the CPU.
        """
        yaw, pitch = _radians(yaw_degrees, pitch_degrees, device)
        return cls(torch.tensor(_FRONT, device=yaw.device).repeat(len(yaw), 1), yaw, pitch)

    def to(self, device: torch.device | str) -> "Camera":
        """The same cameras on another device."""
        yaw, pitch = _moved(self.yaw, device), _moved(self.pitch, device)
        return Camera(self.params.to(device), yaw, pitch, self.pivot)

    def to_view(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) in metres, turned; x right, y up, z toward the camera."""
        _check_batch(vertices, len(self))
        return _turn(vertices, self.yaw, self.pitch, self.pivot)

    def to_clip(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) in metres to clip space (B, V, 4); one camera serves every batch."""
        if _plain(vertices, self.params, self.yaw, self.pitch):
            _check_batch(vertices, len(self))
            return self._project(vertices)
        vertices = self.to_view(vertices)
        params = self.params.to(vertices)[:, None]
        xy = params[..., :1] * (vertices[..., :2] + params[..., 1:])
        depth = -vertices[..., 2:]
        return torch.cat([xy, depth, torch.ones_like(depth)], -1)

    def toward(self, view: Tensor) -> Tensor:
        """Unit directions (B, V, 3) from points of `to_view` to the camera."""
        ahead = view.new_ones(1, 1, 1)
        return torch.nn.functional.pad(ahead, (2, 0)).expand_as(view)

    def _project(self, vertices: Tensor) -> Tensor:
        """`to_clip` in one pass."""
        cos = np.ones((len(self), 2), np.float32)
        sin = np.zeros_like(cos)
        for axis, angle in enumerate((self.pitch, self.yaw)):
            if angle is not None:
                cos[:, axis] = array(angle.float().cos())
                sin[:, axis] = array(angle.float().sin())
        turned = self.yaw is not None or self.pitch is not None
        pivot = np.array(self.pivot if turned else (0, 0, 0), np.float32)
        clip = vertices.new_empty(*vertices.shape[:2], 4)
        project(array(vertices), array(self.params.float()), (cos, sin), pivot, array(clip))
        return clip


@dataclass(frozen=True)
class PerspectiveCamera:
    """Pinhole cameras that look along -z at heads in metres.

    A point d metres before the camera lands at x' = cot(fov / 2) (x - eye_x) / d, and y' likewise,
    in -1..1 over the square image, y up. What lies between 1 cm and ten times the camera's
    distance from the pivot is seen.

    Attributes:
        eye: (B, 3) the camera's place in metres, before the head (z positive).
        fov: (B,) angle in radians that the image spans, in 0..pi.
        yaw, pitch, pivot: turns of the head, as `Camera` has them.
    """

    eye: Tensor
    fov: Tensor
    yaw: Tensor | None = None
    pitch: Tensor | None = None
    pivot: tuple[float, float, float] = _PIVOT

    def __post_init__(self) -> None:
        check_tensor("eye", self.eye)
        check_tensor("fov", self.fov)
        if self.eye.ndim != 2 or self.eye.shape[1] != 3:
            raise ValueError(f"eye must have shape (B, 3), not {tuple(self.eye.shape)}")
        _check_each(len(self), fov=self.fov, yaw=self.yaw, pitch=self.pitch)
        if not bool(((self.fov > 0) & (self.fov < torch.pi)).all()):
            raise ValueError("fov must be between 0 and pi")
        if not bool((self.eye[:, 2] > self.pivot[2] + _NEAR).all()):
            raise ValueError("eye must lie before the pivot: its z must be greater")

    def __len__(self) -> int:
        return len(self.eye)

    @classmethod
    def turned(
        cls,
        yaw_degrees: Degrees,
        pitch_degrees: Degrees = 0.0,
        distance: float = 1.0,
        device: Place = None,
    ) -> "PerspectiveCamera":
        """The whole embedded head turned by these angles, from this many metres off its middle.

        At the middle's depth it frames what `Camera.turned` does, and lies where that does.
        """
        yaw, pitch = _radians(yaw_degrees, pitch_degrees, device)
        scale, tx, ty = _FRONT
        eye = torch.tensor([-tx, -ty, _PIVOT[2] + distance], device=yaw.device)
        eye = eye.repeat(len(yaw), 1)
        fov = 2 * torch.atan(torch.tensor(1 / (scale * distance), device=yaw.device))
        fov = fov.expand(len(yaw))
        return cls(eye, fov, yaw, pitch)

    def to(self, device: torch.device | str) -> "PerspectiveCamera":
        """The same cameras on another device."""
        yaw, pitch = _moved(self.yaw, device), _moved(self.pitch, device)
        return PerspectiveCamera(self.eye.to(device), self.fov.to(device), yaw, pitch, self.pivot)

    def to_view(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) in metres, turned; x right, y up, z toward the camera."""
        _check_batch(vertices, len(self))
        return _turn(vertices, self.yaw, self.pitch, self.pivot)

    def to_clip(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) in metres to clip space (B, V, 4); one camera serves every batch."""
        eye = self.eye.to(vertices)[:, None]
        offset = self.to_view(vertices) - eye
        xy = offset[..., :2] / torch.tan(self.fov.to(vertices) / 2)[:, None, None]
        w, far = -offset[..., 2:], 10 * (eye[..., 2:] - self.pivot[2])
        z = ((far + _NEAR) * w - 2 * far * _NEAR) / (far - _NEAR)
        return torch.cat([xy, z, w], -1)

    def toward(self, view: Tensor) -> Tensor:
        """Unit directions (B, V, 3) from points of `to_view` to the camera."""
        return torch.nn.functional.normalize(self.eye.to(view)[:, None] - view, dim=-1)


def _plain(vertices: Tensor, *camera: Tensor | None) -> bool:
    """Whether vertices are float32 on the CPU and no gradient is asked for."""
    if vertices.dtype != torch.float32 or vertices.device.type != "cpu":
        return False
    tensors = [value for value in (vertices, *camera) if value is not None]
    learns = torch.is_grad_enabled() and any(value.requires_grad for value in tensors)
    return not learns and all(value.device.type == "cpu" for value in tensors)


def _check_each(batch: int, **values: Tensor | None) -> None:
    for name, value in values.items():
        if value is None:
            continue
        check_tensor(name, value)
        if value.shape != (batch,):
            raise ValueError(f"{name} must have shape ({batch},), not {tuple(value.shape)}")


def _check_batch(vertices: Tensor, cameras: int) -> None:
    if vertices.ndim != 3 or vertices.shape[2] != 3:
        raise ValueError(f"vertices must have shape (B, V, 3), not {tuple(vertices.shape)}")
    if cameras not in (1, len(vertices)):
        raise ValueError(f"camera must hold 1 or {len(vertices)} cameras, not {cameras}")


def _radians(
    yaw_degrees: Degrees, pitch_degrees: Degrees, device: Place
) -> tuple[Tensor, Tensor | None]:
    """Yaw and pitch (B,) in radians; no pitch where numbers say 0, which saves the nod."""
    given = [d.device for d in (yaw_degrees, pitch_degrees) if isinstance(d, Tensor)]
    place = device if device is not None else next(iter(given), "cpu")
    yaw, pitch = (
        torch.deg2rad(torch.atleast_1d(torch.as_tensor(d, dtype=torch.float32, device=place)))
        for d in (yaw_degrees, pitch_degrees)
    )
    nods = isinstance(pitch_degrees, Tensor) or bool(np.any(pitch_degrees))
    yaw, pitch = torch.broadcast_tensors(yaw, pitch)
    return yaw, pitch if nods else None


def _moved(value: Tensor | None, device: torch.device | str) -> Tensor | None:
    return None if value is None else value.to(device)


def _turn(
    vertices: Tensor, yaw: Tensor | None, pitch: Tensor | None, pivot: tuple[float, float, float]
) -> Tensor:
    """Nod, then turn, about the pivot."""
    if yaw is None and pitch is None:
        return vertices
    x, y, z = (axis - middle for axis, middle in zip(vertices.unbind(-1), pivot, strict=True))
    if pitch is not None:
        angle = pitch.to(vertices)[:, None]
        cos, sin = angle.cos(), angle.sin()
        y, z = cos * y - sin * z, sin * y + cos * z
    if yaw is not None:
        angle = yaw.to(vertices)[:, None]
        cos, sin = angle.cos(), angle.sin()
        x, z = cos * x + sin * z, cos * z - sin * x
    return torch.stack([x + pivot[0], y + pivot[1], z + pivot[2]], -1)
