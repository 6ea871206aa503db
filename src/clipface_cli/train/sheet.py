"""The picture of a training run: textures and renders of the same people every time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

PEOPLE, TILE = 6, 256
_YAWS = (0.0, 35.0, -60.0)


@torch.no_grad()
def sample_sheet(generator: Generator, head: HeadModel, renderer: Renderer) -> Tensor:
    """(1, 3, 4 T, 6 T): a column a person, the UV map above three views."""
    device = next(generator.parameters()).device
    z = torch.randn(PEOPLE, generator.z_dim, generator=torch.Generator().manual_seed(1))
    textures = generator(z.to(device, next(generator.parameters()).dtype)).float()
    vertices = head.template.to(device).expand(PEOPLE, -1, -1)
    rows = [textures]
    for yaw in _YAWS:
        rows.append(renderer(vertices, textures, Camera.turned([yaw] * PEOPLE).to(device))[0])
    tiles = [F.adaptive_avg_pool2d(row, min(TILE, row.shape[-1])) for row in rows]
    return torch.cat([torch.cat(list(row), 2) for row in tiles], 1)[None]
