"""The embedded linear texture model: principal components of painted people, as pictures."""

from __future__ import annotations

import io
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from clipface_cli.artifacts import (
    decode_pixels,
    from_pixels,
    read_tensors,
    to_pixels,
    write_tensors,
)
from clipface_cli.assets import builtin
from clipface_cli.texture import LinearTexture

FORMAT = "clipface-linear-texture"
_MEAN, _COMPONENT, _SCALES = "mean", "component_{:02d}", "scales"


def painted_texture(path: Path | None = None) -> LinearTexture:
    """The model in a file, the embedded one if None; textures of the embedded layout."""
    tensors, _ = read_tensors(path or builtin("linear_texture.safetensors"), FORMAT)
    scales = tensors[_SCALES]
    basis = [_picture(tensors[_COMPONENT.format(k)]) for k in range(len(scales))]
    return LinearTexture(_picture(tensors[_MEAN]), torch.cat(basis) * scales.view(-1, 1, 1, 1))


def write_painted_texture(path: Path, model: LinearTexture, quality: int, people: int) -> None:
    """Write a model as WebP pictures, the mean without loss, components divided by their largest
    values.

    quality: of the components, 0..100; people: how many it is fitted to, for the header.
    """
    scales = model.basis.abs().amax((1, 2, 3))
    pictures = model.basis / scales.view(-1, 1, 1, 1)
    tensors = {_MEAN: _file(model.mean[0]), _SCALES: scales}
    tensors |= {_COMPONENT.format(k): _file(p, quality) for k, p in enumerate(pictures)}
    write_tensors(path, tensors, {"format": FORMAT, "version": "1", "people": str(people)})


def _file(picture: Tensor, quality: int | None = None) -> Tensor:
    """A picture (3, R, R) in [-1, 1] as the bytes of a WebP file (N,), lossless without quality."""
    file = io.BytesIO()
    options = {"lossless": True} if quality is None else {"quality": quality}
    Image.fromarray(to_pixels(picture)).save(file, format="WEBP", method=6, **options)
    return torch.frombuffer(bytearray(file.getvalue()), dtype=torch.uint8)


def _picture(file: Tensor) -> Tensor:
    """Back to (1, 3, R, R)."""
    return from_pixels(decode_pixels(file.numpy().tobytes()))
