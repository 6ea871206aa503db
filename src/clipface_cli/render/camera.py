"""Scaled orthographic cameras, with the head turned by yaw and pitch for other views."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

_FRONT = (6.0, 0.0, 0.034)  # the whole embedded head and its neck
_PIVOT = (0.0, -0.02, -0.05)  # the middle of the embedded head, in metres


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
        if self.params.ndim != 2 or self.params.shape[1] != 3:
            raise ValueError(f"params must have shape (B, 3), not {tuple(self.params.shape)}")
        for name, angle in (("yaw", self.yaw), ("pitch", self.pitch)):
            if angle is not None and angle.shape != self.params.shape[:1]:
                raise ValueError(f"{name} must have shape ({len(self)},), not {tuple(angle.shape)}")

    def __len__(self) -> int:
        return len(self.params)

    @classmethod
    def front(cls, batch: int = 1) -> "Camera":
        """The whole embedded head from the front."""
        return cls(torch.tensor(_FRONT).repeat(batch, 1))

    @classmethod
    def turned(
        cls, yaw_degrees: float | Sequence[float], pitch_degrees: float | Sequence[float] = 0.0
    ) -> "Camera":
        """The whole embedded head turned by these angles; a camera for each of a sequence."""
        yaw = torch.deg2rad(torch.atleast_1d(torch.as_tensor(yaw_degrees, dtype=torch.float32)))
        pitch = torch.deg2rad(torch.atleast_1d(torch.as_tensor(pitch_degrees, dtype=torch.float32)))
        yaw, pitch = torch.broadcast_tensors(yaw, pitch)
        return cls(torch.tensor(_FRONT).repeat(len(yaw), 1), yaw, pitch)

    def to(self, device: torch.device | str) -> "Camera":
        """The same cameras on another device."""
        yaw = None if self.yaw is None else self.yaw.to(device)
        pitch = None if self.pitch is None else self.pitch.to(device)
        return Camera(self.params.to(device), yaw, pitch, self.pivot)

    def to_clip(self, vertices: Tensor) -> Tensor:
        """Vertices (B, V, 3) in metres to clip space (B, V, 4); one camera serves every batch."""
        if vertices.ndim != 3 or vertices.shape[2] != 3:
            raise ValueError(f"vertices must have shape (B, V, 3), not {tuple(vertices.shape)}")
        if len(self) not in (1, len(vertices)):
            raise ValueError(f"camera must hold 1 or {len(vertices)} cameras, not {len(self)}")
        vertices = self._turn(vertices)
        params = self.params.to(vertices)[:, None]
        xy = params[..., :1] * (vertices[..., :2] + params[..., 1:])
        depth = -vertices[..., 2:]
        return torch.cat([xy, depth, torch.ones_like(depth)], -1)

    def _turn(self, vertices: Tensor) -> Tensor:
        pivot = vertices.new_tensor(self.pivot)
        x, y, z = (vertices - pivot).unbind(-1)
        if self.pitch is not None:
            cos, sin = (
                self.pitch.to(vertices)[:, None].cos(),
                self.pitch.to(vertices)[:, None].sin(),
            )
            y, z = cos * y - sin * z, sin * y + cos * z
        if self.yaw is not None:
            cos, sin = self.yaw.to(vertices)[:, None].cos(), self.yaw.to(vertices)[:, None].sin()
            x, z = cos * x + sin * z, cos * z - sin * x
        return torch.stack([x, y, z], -1) + pivot
