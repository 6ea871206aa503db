"""Linear texture models: FLAME's, which the paper compares with (FlameTex, eq. 24), and fits."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from clipface_cli.assets import read_asset
from clipface_cli.errors import InputError

HALF = 127.5  # of 255 levels: from 0..255 to [-1, 1]


class LinearTexture(nn.Module):
    """Coefficients (B, K) -> textures (B, 3, R, R); FLAME's are in its own layout (flame-uv).

    mean (1, 3, R, R) in [-1, 1]; basis (K, 3, R, R), scaled so that coefficients of people have
    unit variance. Both are RGB with row 0 at the top.
    """

    mean: Tensor
    basis: Tensor

    def __init__(self, mean: Tensor, basis: Tensor) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("basis", basis)

    @classmethod
    def load(cls, source: str | Path = "flame-texture") -> LinearTexture:
        """Read the imported asset, or FLAME_texture.npz; InputError for anything else."""
        arrays = read_asset(source, "flame-texture").arrays
        mean, directions = (torch.from_numpy(np.array(arrays[n])) for n in ("mean", "tex_dir"))
        rgb = mean.flip(2).permute(2, 0, 1)[None] / HALF - 1
        basis = directions.flip(2).permute(3, 2, 0, 1).float() / HALF
        return cls(rgb.contiguous(), basis.contiguous())

    @classmethod
    def fit(cls, textures: Tensor, components: int = 50) -> LinearTexture:
        """Mean and principal components of textures (N, 3, R, R).

        Raises InputError with fewer than `components` + 1 of them.
        """
        count = len(textures)
        if count <= components:
            raise InputError(f"{components} components need more than {count} textures.")
        mean = textures.mean(0, keepdim=True)
        rows = (textures - mean).flatten(1)
        gram = (rows @ rows.T).double() / (count - 1)
        _, vectors = torch.linalg.eigh(gram)
        largest = vectors[:, -components:].flip(1) / (count - 1) ** 0.5
        return cls(mean, (largest.to(rows.dtype).T @ rows).unflatten(1, textures.shape[1:]))

    @property
    def components(self) -> int:
        """K, the number of coefficients."""
        return len(self.basis)

    @property
    def resolution(self) -> int:
        """R, the number of texels a side."""
        return self.mean.shape[-1]

    def forward(self, coefficients: Tensor) -> Tensor:
        """T = mean + coefficients · basis (eq. 24). Differentiable; not clamped to [-1, 1]."""
        return self.mean + torch.tensordot(coefficients, self.basis, 1)
