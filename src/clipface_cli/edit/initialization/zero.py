"""Start at zero offsets, as the paper does (sec. 3.2); other initialisations refine this.

The mappers predict no change for any code: `pretrain_zero` of mappers.py sets them so.
"""

from __future__ import annotations

import torch
from torch import Tensor

from clipface_cli.edit.initialization.start import Start


def zero_start(w: Tensor, expression: int) -> Start:
    """No change of a code w (1, L, w_dim) and of so many expression coefficients."""
    return Start(torch.zeros_like(w[0]), w.new_zeros(expression))
