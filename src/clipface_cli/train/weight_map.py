"""How much each texel of a head's UV texture matters to the eye."""

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer, flip_v, interpolate, rasterize

_YAWS = (0.0, 0.0, 0.0, 35.0, -35.0, 70.0, -70.0, 0.0, 180.0)
_PITCHES = (0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 25.0, 0.0)
_EMPHASIS = {"eyes": 4.0, "lids": 2.0, "lips": 2.0, "brows": 2.0, "face": 1.0}
_FLOOR = 0.1


def region_map(head: HeadModel, region: str, resolution: int) -> Tensor:
    """A vertex mask of the head laid out in UV: (1, 1, R, R), 0..1, row 0 at the top."""
    uv = flip_v(head.uv.float())
    values = uv.new_zeros(len(uv), 1)
    values[head.uv_faces.flatten()] = head.masks[region][head.faces.flatten()].float()[:, None]
    clip = torch.cat([2 * uv - 1, torch.zeros_like(uv[:, :1]), torch.ones_like(uv[:, :1])], 1)
    rast, _ = rasterize(clip[None], head.uv_faces, (resolution, resolution))
    return interpolate(values, rast, head.uv_faces)[0].permute(0, 3, 1, 2)


def weight_map(head: HeadModel, resolution: int) -> Tensor:
    """Loss weights (1, 1, R, R) of mean 1: pixels a texel fills in views from all round.

    Most views are from the front, and the features a person looks at first count more.
    """
    views = Camera.turned(_YAWS, _PITCHES)
    vertices = head.template[None].expand(len(views), -1, -1).contiguous()
    texture = torch.zeros(1, 3, resolution, resolution, requires_grad=True)
    image, _ = Renderer(head, 2 * resolution)(vertices, texture, views)
    (seen,) = torch.autograd.grad(image.sum(), texture)
    seen = F.avg_pool2d(seen.mean(1, keepdim=True), 5, 1, 2)
    weight = seen / seen.mean() + _FLOOR
    for region, factor in _EMPHASIS.items():
        weight = weight * (1 + factor * region_map(head, region, resolution))
    return weight / weight.mean()
