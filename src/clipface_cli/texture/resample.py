"""Doubling and halving of feature maps with the published filter: [1, 3, 3, 1], replicated border.

Both are linear, so the gradient of each is its adjoint, written here with the operations that run
fastest on channels-last maps. `upsample_ref` and `downsample_ref` state the filter plainly.
"""

from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


@cache
def _square(taps: tuple[float, ...], device: torch.device) -> Tensor:
    """(k, k) outer product of `taps`; kept, since the host waits for what it sends to a GPU."""
    with torch.inference_mode(False), torch.no_grad():
        row = torch.tensor(taps, device=device)
        return torch.outer(row, row)


def _kernel(taps: tuple[float, ...], x: Tensor) -> Tensor:
    """(C, 1, k, k) depthwise kernel, the outer product of `taps`."""
    return _square(taps, x.device).to(x.dtype).repeat(x.shape[1], 1, 1, 1)


def _fold(x: Tensor, before: int, after: int) -> Tensor:
    """Adjoint of replicate padding, in place: border rows and columns are added to the edge."""
    for axis in (2, 3):
        edge = x.shape[axis] - after - 1
        for i in range(before):
            x.select(axis, before).add_(x.select(axis, i))
        for i in range(edge + 1, edge + 1 + after):
            x.select(axis, edge).add_(x.select(axis, i))
    return x[:, :, before : x.shape[2] - after, before : x.shape[3] - after]


class _Upsample(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        # Nearest and [1, 3, 3, 1] equals bilinear and a mean of two.
        y = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)
        y = F.pad(y, (1, 0, 1, 0), mode="replicate")
        return F.conv2d(y, _kernel((0.5, 0.5), y), groups=y.shape[1])

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> Tensor:
        return _apply(_UpsampleAdjoint, grads[0])


class _UpsampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, y: Tensor) -> Tensor:
        kernel = _kernel((0.125, 0.5, 0.75, 0.5, 0.125), y)
        # Outputs -2 ... N of the low-resolution axis; -2 receives nothing.
        return _fold(F.conv2d(y, kernel, stride=2, padding=5, groups=y.shape[1]), 2, 1)

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> Tensor:
        return _apply(_Upsample, grads[0])


class _Downsample(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, x: Tensor) -> Tensor:
        y = F.pad(x, (2, 1, 2, 1), mode="replicate")
        kernel = _kernel((0.125, 0.375, 0.375, 0.125), x)
        return F.conv2d(y, kernel, stride=2, groups=x.shape[1])

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> Tensor:
        return _apply(_DownsampleAdjoint, grads[0])


class _DownsampleAdjoint(torch.autograd.Function):
    @staticmethod
    def forward(_ctx: Any, y: Tensor) -> Tensor:
        y = F.pad(y * 0.25, (1, 1, 1, 1))
        x = F.interpolate(y, scale_factor=2, mode="bilinear", align_corners=False)
        return _fold(x[:, :, 1:, 1:], 2, 1)

    @staticmethod
    def backward(_ctx: Any, *grads: Tensor) -> Tensor:
        return _apply(_Downsample, grads[0])


def _apply(function: type[torch.autograd.Function], x: Tensor) -> Tensor:
    """Run outside autocast, which would change the maps' dtype."""
    with torch.autocast(x.device.type, enabled=False):
        y: Tensor = function.apply(x.contiguous(memory_format=torch.channels_last))
    return y


def upsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W), dtype kept."""
    return _apply(_Upsample, x)


def downsample(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2), dtype kept."""
    return _apply(_Downsample, x)


def upsample_ref(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W): `upsample` as published, nearest and then the blur."""
    y = F.pad(F.interpolate(x, scale_factor=2, mode="nearest"), (2, 1, 2, 1), mode="replicate")
    return F.conv2d(y, _kernel((0.125, 0.375, 0.375, 0.125), y), groups=y.shape[1])


def downsample_ref(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, H/2, W/2): `downsample` as published, the blur and every second."""
    y = F.pad(x, (2, 1, 2, 1), mode="replicate")
    blurred = F.conv2d(y, _kernel((0.125, 0.375, 0.375, 0.125), y), groups=y.shape[1])
    return blurred[:, :, ::2, ::2]


@cache
def _upsample_matrix(size: int, device: torch.device) -> Tensor:
    """(2 * size, size) matrix of the one-dimensional `upsample`."""
    with torch.inference_mode(False), torch.no_grad():
        rows = torch.eye(size, device="cpu").reshape(size, 1, 1, size)
        return upsample_ref(rows)[:, 0, 0].T.contiguous().to(device)


def upsample_image(x: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, C, 2H, 2W): `upsample` for few channels, as two matrix products."""
    with torch.autocast(x.device.type, enabled=False):
        height = _upsample_matrix(x.shape[2], x.device).to(x.dtype)
        width = _upsample_matrix(x.shape[3], x.device).to(x.dtype)
        return height @ x.contiguous() @ width.T
