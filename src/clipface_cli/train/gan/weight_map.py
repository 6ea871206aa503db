"""Loss weights of texels: their visible area and the importance of facial features."""

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer, uv_map

# Degrees of the views in which visible area is counted: the front three times, it is seen most.
_YAWS = (0.0, 0.0, 0.0, 35.0, -35.0, 70.0, -70.0, 0.0, 180.0)
_PITCHES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 25.0, 0.0)
# Added relative weights of regions: viewers look at eyes, lips and brows first.
_EMPHASIS = {"eyes": 4.0, "lids": 2.0, "lips": 2.0, "brows": 2.0, "face": 1.0}
_FLOOR = 0.1  # of the mean visible area, so that unseen texels are learnt too
_BLUR = 5  # texels over which areas are averaged: a single texel's depends on the pixel grid


def region_map(head: HeadModel, region: str, resolution: int) -> Tensor:
    """A vertex mask in UV space, (1, 1, R, R) in [0, 1] on the CPU; row 0 is the top.

    region: a name in `head.masks`; resolution R: texels a side.
    """
    return uv_map(head, head.masks[region][:, None], resolution)[0]


def weight_map(head: HeadModel, resolution: int) -> Tensor:
    """Loss weights (1, 1, R, R) of mean 1: pixels that a texel covers in views from all round.

    Frontal views and facial features count more. resolution R: texels a side.
    """
    views = Camera.turned(_YAWS, _PITCHES)
    vertices = head.template[None].expand(len(views), -1, -1).contiguous()
    texture = vertices.new_zeros(1, 3, resolution, resolution).requires_grad_()
    image, _ = Renderer(head, 2 * resolution)(vertices, texture, views)
    (seen,) = torch.autograd.grad(image.sum(), texture)
    seen = F.avg_pool2d(seen.mean(1, keepdim=True), _BLUR, 1, _BLUR // 2)
    weight = seen / seen.mean() + _FLOOR
    for region, factor in _EMPHASIS.items():
        weight = weight * (1 + factor * region_map(head, region, resolution).to(weight))
    return weight / weight.mean()
