"""BiSeNet face parsing: a photo to 19 classes, in the key names of the published weights.

Yu et al., "BiSeNet: bilateral segmentation network for real-time semantic segmentation", 2018, in
the variant trained on CelebAMask-HQ: the ResNet's own features take the place of the spatial path.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.photos.resnet import BasicBlock, ResNet, convolution

CLASSES = (
    "background", "skin", "left_brow", "right_brow", "left_eye", "right_eye", "glasses",
    "left_ear", "right_ear", "earring", "nose", "mouth", "upper_lip", "lower_lip", "neck",
    "necklace", "cloth", "hair", "hat",
)  # fmt: skip
_TRAINING_ONLY = ("conv_out16.", "conv_out32.")  # auxiliary heads


class ConvolutionBlock(nn.Module):
    """Convolution, batch normalisation, ReLU: (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__()
        self.conv = convolution(inputs, outputs, size)
        self.bn = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.bn(self.conv(x)))


class AttentionRefinement(nn.Module):
    """Weighs channels by their means: (B, inputs, H, W) -> (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv = ConvolutionBlock(inputs, outputs, 3)
        self.conv_atten = convolution(outputs, outputs, 1)
        self.bn_atten = nn.BatchNorm2d(outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = self.conv(x)
        whole = x.mean((2, 3), keepdim=True)
        return x * self.bn_atten(self.conv_atten(whole)).sigmoid()


class ContextPath(nn.Module):
    """Features and context of images (B, 3, H, W), both at an 8th of the size.

    Features (B, 128, H / 8, W / 8) are ResNet-18's; context (B, width, H / 8, W / 8) is its
    features at a 16th and a 32nd, refined and enlarged.
    """

    def __init__(self, width: int = 128) -> None:
        super().__init__()
        self.resnet = ResNet(BasicBlock)
        self.arm16 = AttentionRefinement(256, width)
        self.arm32 = AttentionRefinement(512, width)
        self.conv_head32 = ConvolutionBlock(width, width, 3)
        self.conv_head16 = ConvolutionBlock(width, width, 3)
        self.conv_avg = ConvolutionBlock(512, width, 1)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        at8, at16, at32 = self.resnet(x)
        coarse = self.arm32(at32) + self.conv_avg(at32.mean((2, 3), keepdim=True))
        coarse = self.conv_head32(F.interpolate(coarse, at16.shape[2:], mode="nearest"))
        middle = self.arm16(at16) + coarse
        return at8, self.conv_head16(F.interpolate(middle, at8.shape[2:], mode="nearest"))


class FeatureFusion(nn.Module):
    """Joins two maps (B, C, H, W), `inputs` channels together, to (B, outputs, H, W)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.convblk = ConvolutionBlock(inputs, outputs, 1)
        self.conv1 = convolution(outputs, outputs // 4, 1)
        self.conv2 = convolution(outputs // 4, outputs, 1)

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        x = self.convblk(torch.cat([first, second], 1))
        whole = x.mean((2, 3), keepdim=True)
        return x * (1 + self.conv2(F.relu(self.conv1(whole))).sigmoid())


class Output(nn.Module):
    """Features (B, inputs, H, W) to logits of the classes (B, classes, H, W)."""

    def __init__(self, inputs: int, width: int, classes: int) -> None:
        super().__init__()
        self.conv = ConvolutionBlock(inputs, width, 3)
        self.conv_out = convolution(width, classes, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv_out(self.conv(x))


class BiSeNet(nn.Module):
    """ImageNet-normalised RGB (B, 3, H, W) to logits (B, 19, H, W), see `CLASSES`."""

    def __init__(self, classes: int = len(CLASSES)) -> None:
        super().__init__()
        self.cp = ContextPath()
        self.ffm = FeatureFusion(256, 256)
        self.conv_out = Output(256, 256, classes)

    def forward(self, images: Tensor) -> Tensor:
        logits = self.conv_out(self.ffm(*self.cp(images)))
        return F.interpolate(logits, images.shape[2:], mode="bilinear", align_corners=True)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> BiSeNet:
        """From the keys of the published `.pth`; frozen, in evaluation mode."""
        kept = {k: v for k, v in state.items() if not k.startswith(_TRAINING_ONLY)}
        try:
            with torch.device("meta"):
                network = cls(len(state["conv_out.conv_out.weight"]))
            network.load_state_dict(kept, assign=True)
        except (KeyError, RuntimeError, TypeError) as error:
            raise InputError(f"These weights are not BiSeNet's: {error}") from error
        return network.eval().requires_grad_(False)
