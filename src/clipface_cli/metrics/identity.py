"""Identity drift: how much an edited head still looks like the same person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.errors import InputError
from clipface_cli.guidance import load_guidance

SIZE = 112  # pixels that ArcFace networks read
EVALUATOR = "evaluator"


class Identity:
    """Renders (V, 3, H, W) in [-1, 1] to embeddings (V, D) of whom they show."""

    def __init__(self, name: str, embed: Callable[[Tensor], Tensor]) -> None:
        self.name, self.embed = name, embed

    def __call__(self, before: Tensor, after: Tensor) -> Tensor:
        """Cosines (V,) of the embeddings before and after an edit; 1 for the same person."""
        return F.cosine_similarity(self.embed(before), self.embed(after), dim=1)


def load_identity(source: Path | None = None, device: torch.device | str = "cpu") -> Identity:
    """An ArcFace network in an ONNX file, run by onnxruntime; None: the embedded evaluator.

    Raises InputError where the file is none, or onnxruntime is not installed.
    """
    if source is None:
        return Identity(EVALUATOR, load_guidance(EVALUATOR).to(device).encode_image)
    return Identity(source.stem, _ArcFace(source))


class _ArcFace:
    """Square pictures of a face, RGB, resized to 112 x 112."""

    def __init__(self, path: Path) -> None:
        try:
            import onnxruntime
        except ImportError as error:
            message = "An ArcFace network needs onnxruntime: pip install 'clipface-cli[identity]'."
            raise InputError(message) from error
        try:
            self._session: Any = onnxruntime.InferenceSession(
                str(path), providers=["CPUExecutionProvider"]
            )
        except Exception as error:
            raise InputError(f"{path} is no ONNX network that can be read: {error}") from error
        wanted = self._session.get_inputs()[0]
        if list(wanted.shape[1:]) != [3, SIZE, SIZE]:
            raise InputError(f"{path} reads {wanted.shape}, not pictures of 3 x {SIZE} x {SIZE}.")
        self._input = wanted.name

    @torch.no_grad()
    def __call__(self, images: Tensor) -> Tensor:
        size = (SIZE, SIZE)
        small = F.interpolate(images, size, mode="bilinear", align_corners=False, antialias=True)
        pixels = (
            small.cpu().numpy().astype(np.float32)
        )  # ArcFace reads (x - 127.5) / 127.5: [-1, 1]
        (embedded,) = self._session.run(None, {self._input: pixels})[:1]
        return torch.from_numpy(np.asarray(embedded)).to(images.device)
