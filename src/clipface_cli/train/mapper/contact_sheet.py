"""Contact sheet of a mapper's training: the same heads before and after the edit."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from clipface_cli.edit import EditModels, EditSettings
from clipface_cli.edit.composition import seen_size, synthesize
from clipface_cli.edit.views import fixed_views
from clipface_cli.train.mapper.heads import HeadSampler

COLUMNS = 4  # training steps whose first head is shown
TILE = 256  # pixels


def contact_sheet(
    models: EditModels,
    heads: HeadSampler,
    edited: Callable[[Tensor, Tensor], tuple[Tensor, Tensor]],
    settings: EditSettings,
) -> Tensor:
    """(1, 3, 2 TILE, COLUMNS TILE) in [-1, 1]: a column a head, before above after.

    edited: codes w (B, L, w_dim) and expressions (B, E) to edited ones.
    """
    generator, front = models.generator, fixed_views((0.0,), models.device)
    size = max(seen_size(generator, settings), min(TILE, generator.resolution))
    columns = []
    for step in range(COLUMNS):
        params, w = heads.draw(step)
        changed, expression = edited(w, params.expression)
        rows = []
        for code, psi in ((w, params.expression), (changed, expression)):
            vertices = models.head.pose_head(params.with_expression(psi)) - models.head.origin
            texture = synthesize(generator, code[:1], size)
            image, _ = models.renderer(TILE)(vertices[:1], texture, front.camera)
            rows.append(image)
        columns.append(torch.cat(rows, 2))
    return torch.cat(columns, 3).cpu()
