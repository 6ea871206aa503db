"""A linear texture model, as FLAME's texture space is: mean and principal components."""

from dataclasses import dataclass

import torch
from torch import Tensor

from clipface_cli.errors import InputError


@dataclass(frozen=True)
class PcaTexture:
    """mean (3, R, R) · components (K, 3, R, R), each scaled by its standard deviation."""

    mean: Tensor
    components: Tensor

    @classmethod
    def fit(cls, textures: Tensor, components: int = 50) -> "PcaTexture":
        """From textures (N, 3, R, R); InputError with fewer than `components` + 1 of them."""
        count = len(textures)
        if count <= components:
            raise InputError(f"{components} components need more than {count} textures.")
        mean = textures.mean(0)
        rows = (textures - mean).flatten(1)
        gram = (rows @ rows.T).double() / (count - 1)
        values, vectors = torch.linalg.eigh(gram)
        values, vectors = values[-components:].flip(0), vectors[:, -components:].flip(1)
        scaled = (vectors / (count - 1) ** 0.5).to(rows.dtype).T @ rows
        return cls(mean, scaled.unflatten(1, textures.shape[1:]))

    def sample(self, count: int, seed: int = 0) -> Tensor:
        """(count, 3, R, R): coefficients drawn from the standard normal distribution."""
        random = torch.Generator().manual_seed(seed)
        weights = torch.randn(count, len(self.components), generator=random)
        textures: Tensor = self.mean + torch.einsum("nk,kcxy->ncxy", weights, self.components)
        return textures.clamp(-1, 1)
