"""Which point of the surface each texel shows."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from clipface_cli.head import HeadModel
from clipface_cli.render import rasterize

Texels: TypeAlias = tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64]]


def texels(head: HeadModel, resolution: int) -> Texels:
    """covered (R, R), row 0 at the top; of the N covered texels face (N,) and weights (N, 3)."""
    u, v = head.uv.unbind(1)
    flat = torch.stack([2 * u - 1, 1 - 2 * v, torch.zeros_like(u), torch.ones_like(u)], 1)
    rast, _ = rasterize(flat[None].float(), head.uv_faces.int(), (resolution, resolution))
    shown = rast[0].double().numpy()
    covered = shown[..., 3] > 0
    two, face = shown[covered][:, :2], shown[covered][:, 3].astype(np.int64) - 1
    return covered, face, np.concatenate([two, 1 - two.sum(1, keepdims=True)], 1)
