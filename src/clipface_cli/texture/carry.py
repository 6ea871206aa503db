"""A generator for a head whose texture layout is not the one it was trained for."""

from __future__ import annotations

import copy

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture.generator import Generator, Noise, Synthesis
from clipface_cli.texture.texels import texels


def generator_for(head: HeadModel, generator: Generator) -> Generator:
    """The generator itself where its layout is the head's, else one that carries its textures.

    What the embedded layout has at a point of the skin goes to the same point of the other head.
    Raises InputError where it cannot be done: textures for FLAME fit no other head.
    """
    if generator.layout == head.layout:
        return generator
    if generator.layout != "builtin":
        raise InputError(
            f"This generator paints the texture layout of {generator.layout}, the head has that of "
            f"{head.layout}; give --head flame, with head_template.obj imported, or another "
            "generator."
        )
    if head.transfer is None:
        raise InputError(
            f"The head {head.source} has a texture layout of its own, which no generator here "
            "paints; give --generator one that was trained for it."
        )
    carried = copy.copy(generator)
    carried._modules = dict(generator._modules)
    grid = places(head, generator.resolution).to(generator.mapping.w_avg.device)
    carried.synthesis = CarriedSynthesis(generator.synthesis, grid)
    carried.layout = head.layout
    return carried


class CarriedSynthesis(Synthesis):
    """w (B, num_ws, w_dim) -> texture (B, 3, R, R) in another layout; differentiable."""

    grid: Tensor

    def __init__(self, inner: Synthesis, grid: Tensor) -> None:
        """grid (R, R, 2): where each texel lies in the inner texture, in -1..1, x right, y down."""
        super().__init__()
        self.inner = inner
        self.resolution, self.num_ws = inner.resolution, inner.num_ws
        self.register_buffer("grid", grid, persistent=False)

    def forward(self, w: Tensor, noise: Noise = "const", resolution: int | None = None) -> Tensor:
        """`resolution`: as the inner network takes it."""
        image = self.inner(w, noise, resolution)
        grid, size = self.grid.to(image), image.shape[-1]
        if size != len(grid):
            small = F.interpolate(grid.permute(2, 0, 1)[None], (size, size), mode="nearest-exact")
            grid = small[0].permute(1, 2, 0)
        grid = grid.expand(len(image), -1, -1, -1)
        return F.grid_sample(image, grid, padding_mode="border", align_corners=False)


def places(head: HeadModel, resolution: int) -> Tensor:
    """Grid (R, R, 2) for `grid_sample`, on the CPU: where texels lie in the embedded layout.

    Texels beside the layout go with the nearest one on it.
    """
    from scipy.ndimage import distance_transform_edt

    if head.transfer is None:
        raise ValueError("only a head with a transfer from the embedded one has such places")
    covered, face, weights = texels(head, resolution)
    inner = (head.transfer.corner_uv()[face] * weights[..., None]).sum(1)
    grid = np.zeros((resolution, resolution, 2))
    grid[covered] = inner * (2, -2) + (-1, 1)
    _, (row, column) = distance_transform_edt(~covered, return_indices=True)
    return torch.from_numpy(grid[row, column]).float()
