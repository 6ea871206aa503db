"""Contact sheet of a training run: textures and renders of the same codes every time."""

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

PEOPLE, TILE = 6, 256  # columns; pixels a side of a tile at most
_YAWS = (0.0, 35.0, -60.0)  # degrees: front, three-quarter, near profile
_SEED = 1  # of the codes shown


@torch.no_grad()
def contact_sheet(generator: Generator, head: HeadModel, renderer: Renderer) -> Tensor:
    """(1, 3, 4 T, 6 T) in [-1, 1]: a column a person, the UV map above three views; T pixels."""
    device = next(generator.parameters()).device
    random = torch.Generator().manual_seed(_SEED)
    z = torch.randn(PEOPLE, generator.z_dim, generator=random, device="cpu")
    textures = generator(z.to(device, next(generator.parameters()).dtype)).float()
    vertices = head.template.to(device).expand(PEOPLE, -1, -1)
    rows = [textures]
    for yaw in _YAWS:
        rows.append(renderer(vertices, textures, Camera.turned([yaw] * PEOPLE, device=device))[0])
    tiles = [F.adaptive_avg_pool2d(row, min(TILE, row.shape[-1])) for row in rows]
    return torch.cat([torch.cat(list(row), 2) for row in tiles], 1)[None]
