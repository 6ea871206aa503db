"""Views that the guidance sees: cameras and brightness."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.edit.presets import EditSettings
from clipface_cli.render import Camera

FRONT = (0.0,)  # degrees of yaw


@dataclass(frozen=True)
class Views:
    """V cameras, the factors (V, 1, 1, 1) of their pictures' brightness, and what they repeat.

    gain: None for 1; fixed: which of the settings' fixed yaws they are, None if not of those.
    """

    camera: Camera
    gain: Tensor | None = None
    fixed: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.camera)

    def repeated(self, count: int) -> tuple[Camera, Tensor | None]:
        """The views once for each of `count` heads."""
        camera = self.camera
        yaw, pitch = (None if t is None else t.repeat(count) for t in (camera.yaw, camera.pitch))
        repeated = Camera(camera.params.repeat(count, 1), yaw, pitch, camera.pivot)
        return repeated, None if self.gain is None else self.gain.repeat(count, 1, 1, 1)


def fixed_views(yaws: Sequence[float], device: torch.device) -> Views:
    """These yaws in degrees, with nothing else varied."""
    return Views(Camera.turned(list(yaws), device=device), None, tuple(range(len(yaws))))


class ViewSampler:
    """The views of every step, drawn in advance, so that no step waits for the CPU."""

    def __init__(
        self, settings: EditSettings, streams: Iterable[random.Random], device: torch.device
    ) -> None:
        """streams: where the numbers of each step come from, in turn."""
        fixed, yaws, params, gains = [], [], [], []
        front = Camera.front().params
        for stream in streams:
            chosen = _chosen(settings, stream)
            fixed.append(chosen)
            yaws.append(
                [settings.yaws[k] for k in chosen]
                if settings.yaws
                else [_spread(stream, settings.max_yaw) for _ in range(settings.views)]
            )
            params.append(_moved(front.repeat(settings.views, 1), settings, stream))
            gains.append([_brightness(settings, stream) for _ in range(settings.views)])
        self._fixed = fixed if settings.yaws else None
        self._yaw = torch.deg2rad(torch.tensor(yaws, device=device))
        self._params = torch.stack(params).to(device) if params else front
        self._gain = None
        if settings.brightness:
            self._gain = torch.tensor(gains, device=device)[..., None, None, None]

    def __getitem__(self, step: int) -> Views:
        camera = Camera(self._params[step], self._yaw[step])
        gain = None if self._gain is None else self._gain[step]
        return Views(camera, gain, None if self._fixed is None else self._fixed[step])


def _chosen(settings: EditSettings, stream: random.Random) -> tuple[int, ...]:
    """Indices of the fixed yaws of a step; () where there are none."""
    if not settings.yaws:
        return ()
    return tuple(sorted(stream.sample(range(len(settings.yaws)), settings.views)))


def _spread(stream: random.Random, most: float) -> float:
    return stream.uniform(-most, most)


def _moved(params: Tensor, settings: EditSettings, stream: random.Random) -> Tensor:
    """Cameras (V, 3) after a random zoom and shift."""
    for row in params if settings.zoom or settings.shift else ():
        row[0] *= 1 + stream.uniform(0, settings.zoom)
        row[1:] += row.new_tensor([_spread(stream, settings.shift) for _ in range(2)])
    return params


def _brightness(settings: EditSettings, stream: random.Random) -> float:
    return 1 + _spread(stream, settings.brightness) if settings.brightness else 1.0
