"""Networks whose features FID and KID compare, by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import torch
from torch import Tensor

from clipface_cli.artifacts import file_hash
from clipface_cli.assets import builtin, imported
from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance
from clipface_cli.metrics.inception import ASSET, InceptionFID

EVALUATOR = "evaluator"


class Features:
    """Images (B, 3, H, W) in [-1, 1] -> features (B, D).

    name: what tables call them; version: changes with the network's weights.
    """

    def __init__(self, name: str, network: Callable[[Tensor], Tensor], version: str = "") -> None:
        self.name, self.version, self._network = name, version, network

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        return self._network(images).float()

    def of(self, batches: Iterable[Tensor]) -> Tensor:
        """(N, D) on the CPU, of batches of images (B, 3, H, W) in [-1, 1]."""
        return torch.cat([self(images).cpu() for images in batches])


def load_features(name: str | None = None, device: torch.device | str = "cpu") -> Features:
    """ "inception", once imported, or "evaluator", the embedded held-out model.

    None: the first of these that is here. Raises InputError for another name.
    """
    name = name or (ASSET if ASSET in imported() else EVALUATOR)
    if name == EVALUATOR:
        version = file_hash(builtin("evaluator.safetensors"))
        return Features(name, load_guidance(EVALUATOR).to(device).encode_image, version)
    if name == ASSET:
        network = InceptionFID.load(ASSET).to(device)
        return Features(name, lambda images: network(images / 2 + 0.5))
    raise InputError(f"--features: no {name!r}; give {ASSET} (once imported) or {EVALUATOR}.")
