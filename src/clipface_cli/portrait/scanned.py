"""Pictures of textured meshes of any topology, softly lit from the camera. Not differentiable."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from clipface_cli.artifacts import Pixels
from clipface_cli.artifacts.scan import Scan
from clipface_cli.geometry import vertex_normals
from clipface_cli.render.camera import Camera
from clipface_cli.render.rasterize import rasterize, shown_points

BACKGROUND = 0.72  # in 0..1
AMBIENT = 0.55  # light on what turns its side to the camera


def draw_scan(scan: Scan, camera: Camera, resolution: int, finer: int = 1) -> Pixels:
    """The scan as one camera sees it, 8-bit (R, R, 3); its vertices must be in metres.

    finer: how many samples are averaged for a pixel in each direction.
    """
    fine = finer * resolution
    view = camera.to_view(torch.from_numpy(scan.vertices).float()[None])
    rast, _ = rasterize(_clip(scan, camera), torch.from_numpy(scan.faces).int(), (fine, fine))
    covered, face, weights = shown_points(rast[0].flip(0))
    toward = np.abs(vertex_normals(view[0].double().numpy(), scan.faces)[:, 2])
    light = AMBIENT + (1 - AMBIENT) * (toward[scan.faces[face]] * weights).sum(1)
    image = np.full((fine, fine, 3), BACKGROUND)
    image[covered] = (scan.colours(face, weights) + 1) / 2 * light[:, None]
    small = image.reshape(resolution, finer, resolution, finer, 3).mean((1, 3))
    pixels: Pixels = np.round(255 * small.clip(0, 1)).astype(np.uint8)
    return pixels


def screen_of(scan: Scan, camera: Camera, resolution: int) -> NDArray[np.float32]:
    """Where the vertices are in that picture (V, 3): continuous pixels x, y down, and depth."""
    x, y, depth, _ = _clip(scan, camera)[0].unbind(1)
    half = resolution / 2
    screen: NDArray[np.float32] = torch.stack([half * (1 + x), half * (1 - y), depth], 1).numpy()
    return screen


def _clip(scan: Scan, camera: Camera) -> Tensor:
    return camera.to_clip(torch.from_numpy(scan.vertices).float()[None])
