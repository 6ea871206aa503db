"""The Inception network of FID, in the key names of `pt_inception-2015-12-05-6726825d.pth`.

Szegedy et al. 2016 (Inception-v3) as TensorFlow's 2015-12-05 graph has it, on which FID figures
rest: average pools do not count their padding, and the last block pools by the maximum.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.assets import read_asset
from clipface_cli.errors import InputError

ASSET = "inception"
SIZE = 299  # pixels that the network reads
DIMENSIONS = 2048
_EPSILON = 1e-3  # of its batch normalisation

Size = int | tuple[int, int]
Step = tuple[str, int, Size]  # name, output channels, kernel


class Convolution(nn.Module):
    """Convolution, batch normalisation, ReLU: (B, inputs, H, W) -> (B, outputs, H', W')."""

    def __init__(
        self, inputs: int, outputs: int, kernel: Size, stride: int = 1, padded: bool = True
    ) -> None:
        super().__init__()
        sides = (kernel, kernel) if isinstance(kernel, int) else kernel
        padding = (sides[0] // 2, sides[1] // 2) if padded else (0, 0)
        self.conv = nn.Conv2d(inputs, outputs, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(outputs, eps=_EPSILON)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class Block(nn.Module):
    """Branches side by side, joined along the channels: (B, inputs, H, W) -> (B, C, H', W').

    branches: convolutions one after another; where the last of a branch has two kernels, both see
    the same and are joined. pooled: channels of the 1x1 convolution after the pool, 0 for none.
    halves: the last convolution of each branch and the pool halve the size.
    """

    def __init__(
        self,
        inputs: int,
        branches: Sequence[Sequence[Step]],
        pooled: int = 0,
        halves: bool = False,
        maximum: bool = False,
    ) -> None:
        super().__init__()
        self.paths: list[list[list[str]]] = []
        self.halves, self.maximum, self.pooled = halves, maximum or halves, pooled
        for branch in branches:
            width, path = inputs, []
            for place, (name, outputs, kernel) in enumerate(branch):
                last = halves and place == len(branch) - 1
                kernels = {name: kernel}
                if name.endswith("ab"):  # a row and a column beside each other
                    kernels = {f"{name[:-2]}a": (1, 3), f"{name[:-2]}b": (3, 1)}
                for one, size in kernels.items():
                    layer = Convolution(width, outputs, size, 1 + last, not last)
                    self.add_module(one, layer)
                path.append(list(kernels))
                width = outputs
            self.paths.append(path)
        if pooled:
            self.branch_pool = Convolution(inputs, pooled, 1)

    def forward(self, x: Tensor) -> Tensor:
        parts = []
        for path in self.paths:
            part = x
            for names in path:
                part = torch.cat([self.get_submodule(name)(part) for name in names], 1)
            parts.append(part)
        return torch.cat([*parts, self._pool(x)], 1)

    def _pool(self, x: Tensor) -> Tensor:
        if self.halves:
            return F.max_pool2d(x, 3, 2)
        if self.maximum:
            pool = F.max_pool2d(x, 3, 1, 1)
        else:
            pool = F.avg_pool2d(x, 3, 1, 1, count_include_pad=False)
        return self.branch_pool(pool)


def _block_a(inputs: int, pooled: int) -> Block:
    five = [("branch5x5_1", 48, 1), ("branch5x5_2", 64, 5)]
    return Block(inputs, [[("branch1x1", 64, 1)], five, _double(64, 96)], pooled)


def _double(first: int, width: int) -> list[Step]:
    """Two 3x3 convolutions after a 1x1."""
    names = [f"branch3x3dbl_{k}" for k in (1, 2, 3)]
    return [(names[0], first, 1), (names[1], width, 3), (names[2], width, 3)]


def _block_c(width: int) -> Block:
    row, column = (1, 7), (7, 1)
    seven: list[Step] = [
        ("branch7x7_1", width, 1),
        ("branch7x7_2", width, row),
        ("branch7x7_3", 192, column),
    ]
    double: list[Step] = [
        ("branch7x7dbl_1", width, 1),
        ("branch7x7dbl_2", width, column),
        ("branch7x7dbl_3", width, row),
        ("branch7x7dbl_4", width, column),
        ("branch7x7dbl_5", 192, row),
    ]
    return Block(768, [[("branch1x1", 192, 1)], seven, double], 192)


def _block_d() -> Block:
    seven: list[Step] = [
        ("branch7x7x3_1", 192, 1),
        ("branch7x7x3_2", 192, (1, 7)),
        ("branch7x7x3_3", 192, (7, 1)),
        ("branch7x7x3_4", 192, 3),
    ]
    return Block(768, [[("branch3x3_1", 192, 1), ("branch3x3_2", 320, 3)], seven], halves=True)


def _block_e(inputs: int, maximum: bool) -> Block:
    three: list[Step] = [("branch3x3_1", 384, 1), ("branch3x3_2ab", 384, 3)]
    double: list[Step] = [
        ("branch3x3dbl_1", 448, 1),
        ("branch3x3dbl_2", 384, 3),
        ("branch3x3dbl_3ab", 384, 3),
    ]
    return Block(inputs, [[("branch1x1", 320, 1)], three, double], 192, maximum=maximum)


class InceptionFID(nn.Module):
    """Images (B, 3, H, W) in [0, 1], RGB, of any size -> features (B, 2048)."""

    def __init__(self) -> None:
        super().__init__()
        self.Conv2d_1a_3x3 = Convolution(3, 32, 3, 2, padded=False)
        self.Conv2d_2a_3x3 = Convolution(32, 32, 3, padded=False)
        self.Conv2d_2b_3x3 = Convolution(32, 64, 3)
        self.Conv2d_3b_1x1 = Convolution(64, 80, 1)
        self.Conv2d_4a_3x3 = Convolution(80, 192, 3, padded=False)
        self.Mixed_5b = _block_a(192, 32)
        self.Mixed_5c = _block_a(256, 64)
        self.Mixed_5d = _block_a(288, 64)
        three: list[Step] = [("branch3x3", 384, 3)]
        self.Mixed_6a = Block(288, [three, _double(64, 96)], halves=True)
        self.Mixed_6b = _block_c(128)
        self.Mixed_6c = _block_c(160)
        self.Mixed_6d = _block_c(160)
        self.Mixed_6e = _block_c(192)
        self.Mixed_7a = _block_d()
        self.Mixed_7b = _block_e(1280, maximum=False)
        self.Mixed_7c = _block_e(DIMENSIONS, maximum=True)

    @classmethod
    def load(cls, source: str | Path = ASSET) -> InceptionFID:
        """The imported network, or the `.pth` of pytorch-fid; frozen, in evaluation mode.

        Raises InputError for another or a damaged file.
        """
        arrays = read_asset(source, ASSET).arrays
        return cls.from_state({name: torch.from_numpy(np.array(a)) for name, a in arrays.items()})

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> InceptionFID:
        """From the keys of the `.pth`; its classifier is left out."""
        kept = {name: value for name, value in state.items() if not name.startswith("fc.")}
        try:
            with torch.device("meta"):
                network = cls()
            network.load_state_dict(kept, assign=True)
        except (RuntimeError, TypeError) as error:
            raise InputError(f"These weights are not those of FID's Inception: {error}") from error
        return network.eval().requires_grad_(False)

    def first_pool(self, images: Tensor) -> Tensor:
        """Feature maps (B, 64, 73, 73) after the first pool."""
        size = (SIZE, SIZE)
        x = F.interpolate(images, size, mode="bilinear", align_corners=False)
        x = self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(2 * x - 1))
        return F.max_pool2d(self.Conv2d_2b_3x3(x), 3, 2)

    def forward(self, images: Tensor) -> Tensor:
        x = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(self.first_pool(images)))
        x = F.max_pool2d(x, 3, 2)
        blocks = (
            self.Mixed_5b,
            self.Mixed_5c,
            self.Mixed_5d,
            self.Mixed_6a,
            self.Mixed_6b,
            self.Mixed_6c,
            self.Mixed_6d,
            self.Mixed_6e,
            self.Mixed_7a,
            self.Mixed_7b,
            self.Mixed_7c,
        )
        for block in blocks:
            x = block(x)
        return x.mean((2, 3))
