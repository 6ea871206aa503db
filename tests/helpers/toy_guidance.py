"""A guidance that is quick and whose answers are plain."""

import torch
from torch import Tensor

from clipface_cli.guidance import Coverage


class MeanColour:
    """Embeds an image as its mean colour; every prompt but the source asks for red."""

    name = "mean-colour"

    def __init__(self, calibrated: bool = True) -> None:
        self.calibrated = calibrated

        self.device = torch.device("cpu")

    def to(self, device: torch.device | str) -> "MeanColour":
        self.device = torch.device(device)
        return self

    def encode_text(self, prompts: list[str]) -> Tensor:
        red = torch.tensor([1.0, -0.5, -0.5], device=self.device)
        base = torch.full((3,), 0.1, device=self.device)
        return torch.stack([base + red * ("red" in p) for p in prompts])

    def encode_image(self, images: Tensor) -> Tensor:
        return images.mean((2, 3))

    def understood(self, prompt: str) -> Coverage:
        return Coverage(understood=(prompt,))
