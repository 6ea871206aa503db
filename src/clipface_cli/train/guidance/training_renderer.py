"""Renderer of training pictures: batches of augmented renders from their specifications."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.train.common.pixels import as_images
from clipface_cli.train.guidance.batch_sampler import RENDERS_PER_FAMILY, BatchSpecification
from clipface_cli.train.guidance.families import Family, standardised

RESOLUTION = 128  # pixels a side of the renders: the model's input size

# Heads and cameras of the renders: they cover the views in which edits are rendered and optimised.
_SHAPE_SPREAD = 0.8  # standard deviation of shape coefficients: fewer extreme heads than with 1
_CAMERA_SCALE = (5.8, 9.0)  # s, per metre: from a head with hair to a face that fills the image
_CAMERA_X, _CAMERA_Y = (-0.012, 0.012), (0.02, 0.045)  # metres
_YAW_SPREAD, _YAW_LIMIT = 0.25, 0.6  # radians
_PITCH_SPREAD, _PITCH_LIMIT = 0.08, 0.2  # radians

# Augmentation, in units of images in [-1, 1]: about what cameras and renderers differ by.
_GAIN_SPREAD = 0.04  # standard deviation of each channel's gain about white
_CAST_SPREAD = 0.02  # standard deviation of each channel's offset
_SHARP_SHARE = 0.4  # share of the groups that are not blurred
_BLUR_SCALE = 1.6  # blur of the others: up to 0.96 of a 3 x 3 box filter
_NOISE_LIMIT = 0.06  # largest standard deviation of pixel noise


@dataclass
class Batch:
    """Images (N, 3, H, W) in [-1, 1], and texts as rows of the word table.

    captions (N) of the images; pairs (P, 2) of images before and after a request (P); names (P)
    of the changes, equal where two requests mean the same; attributes (N, A + E) of the images:
    standardised attributes and expression.
    """

    images: Tensor
    captions: list[list[int]]
    pairs: Tensor
    requests: list[list[int]]
    names: list[str]
    attributes: Tensor


class TrainingRenderer:
    """Renders batches from their specifications, on a device (without nvdiffrast on the CPU)."""

    def __init__(
        self, head: HeadModel, families: list[Family], device: torch.device | str = "cpu"
    ) -> None:
        self.device = torch.device(device)
        self._renderers = (
            Renderer(head, RESOLUTION),
            Renderer(head, RESOLUTION, exclude=head.inside_mouth),
        )
        self.head = deepcopy(head).to(self.device)
        self.textures = torch.stack([family.textures for family in families]).to(self.device)
        attributes = np.stack([[standardised(p) for p in family.people] for family in families])
        self.attributes = torch.from_numpy(attributes).to(self.device)

    def render_batch(self, specification: BatchSpecification) -> Batch:
        """Render the images of a specification and collect its texts and attributes.

        Sets torch's global seed to the specification's.
        """
        torch.manual_seed(specification.seed)
        count = len(specification.family)
        textures = self._textures(specification)
        expression = torch.from_numpy(specification.expression).flatten(0, 1).to(self.device)
        attributes = _blended(self._select(self.attributes, specification), specification)
        first = RENDERS_PER_FAMILY * torch.arange(count)
        pairs = torch.stack([first[:, None].expand(-1, 3), first[:, None] + torch.arange(1, 4)], 2)
        return Batch(
            self.render(textures, expression, group=RENDERS_PER_FAMILY),
            specification.captions,
            pairs.flatten(0, 1),
            specification.requests,
            specification.names,
            torch.cat([attributes.flatten(0, 1), expression], 1),
        )

    def render(self, textures: Tensor, expression: Tensor, group: int) -> Tensor:
        """Augmented renders (N, 3, 128, 128) in [-1, 1] on random heads.

        Args:
            textures: (N, 3, R, R) in [-1, 1].
            expression: (N, E), in standard deviations.
            group: how many successive renders share head, camera and colour cast.
        """
        groups = len(textures) // group
        shape = _SHAPE_SPREAD * torch.randn(groups, self.head.shape_size)
        params = torch.stack(
            [
                torch.empty(groups).uniform_(*_CAMERA_SCALE),
                torch.empty(groups).uniform_(*_CAMERA_X),
                torch.empty(groups).uniform_(*_CAMERA_Y),
            ],
            1,
        )
        yaw = (_YAW_SPREAD * torch.randn(groups)).clamp(-_YAW_LIMIT, _YAW_LIMIT)
        pitch = (_PITCH_SPREAD * torch.randn(groups)).clamp(-_PITCH_LIMIT, _PITCH_LIMIT)
        shape, params, yaw, pitch = (
            value.repeat_interleave(group, 0).to(self.device)
            for value in (shape, params, yaw, pitch)
        )
        pose = shape.new_zeros(len(shape), 6)
        with torch.no_grad():
            vertices = self.head(shape, expression.to(self.device), pose)
            renderer = self._renderers[int(torch.randint(2, ()))]
            images, _ = renderer(vertices, textures, Camera(params, yaw, pitch))
        return augment(images, group).clamp(-1, 1)

    def _textures(self, specification: BatchSpecification) -> Tensor:
        """Textures (4 F, 3, R, R), some partly changed like unfinished edits, some blurred."""
        textures = _blended(as_images(self._select(self.textures, specification)), specification)
        for index, side in enumerate(specification.side.tolist()):
            if side:
                textures[index] = _low_resolution(textures[index], side)
        return textures.flatten(0, 1)

    def _select(self, variants: Tensor, specification: BatchSpecification) -> Tensor:
        """Select what the renders (F, 4, ...) show from the variants (families, 1 + K, ...)."""
        family, row = (
            torch.from_numpy(p).to(self.device) for p in (specification.family, specification.row)
        )
        return variants[family[:, None], row]


def _blended(values: Tensor, specification: BatchSpecification) -> Tensor:
    """Values (F, 4, ...) interpolated from the first of each family by the specified blend."""
    blend = torch.from_numpy(specification.blend).to(values.device)
    return torch.lerp(values[:, :1], values, blend.view(-1, *[1] * (values.ndim - 1)))


def _low_resolution(textures: Tensor, side: int) -> Tensor:
    small = F.interpolate(textures, (side, side), mode="bilinear", antialias=True)
    return F.interpolate(small, textures.shape[2:], mode="bilinear")


def augment(images: Tensor, group: int) -> Tensor:
    """Random colour gain, cast and blur, shared by each `group` of images, and noise of each.

    images (N, 3, H, W) in [-1, 1]; returns the same shape, the noise not clamped.
    """
    groups = len(images) // group
    gain = 1 + _GAIN_SPREAD * torch.randn(groups, 3, 1, 1)
    cast = _CAST_SPREAD * torch.randn(groups, 3, 1, 1)
    gain, cast = (value.repeat_interleave(group, 0).to(images) for value in (gain, cast))
    images = ((images - 1) * gain + 1 + cast).clamp(-1, 1)
    soft = F.avg_pool2d(F.pad(images, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    amount = (torch.rand(groups, 1, 1, 1) - _SHARP_SHARE).clamp(0).repeat_interleave(group, 0)
    images = torch.lerp(images, soft, _BLUR_SCALE * amount.to(images))
    noise = _NOISE_LIMIT * torch.rand(len(images), 1, 1, 1).square().to(images)
    return images + noise * torch.randn_like(images)
