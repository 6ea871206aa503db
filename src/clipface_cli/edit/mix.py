"""Express a direction as a sparse, non-negative mix of known changes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ROUNDS = 1000


@torch.no_grad()
def mix(changes: Tensor, wanted: Tensor, sparsity: float, most: float = float("inf")) -> Tensor:
    """Amounts (K,) in [0, most] with amounts @ changes near `wanted` (D,).

    changes (K, D). `sparsity` is the cost of an amount as a share of the best single change's gain:
    0 gives plain least squares, 1 leaves all amounts at zero.
    """
    gram, gain = changes @ changes.T, changes @ wanted
    gain = gain - sparsity * gain.max().clamp_min(0)
    rate = 1 / torch.linalg.matrix_norm(gram, 2).clamp_min(1e-12)
    amounts = ahead = torch.zeros(len(changes))
    momentum = 1.0
    for _ in range(ROUNDS):  # accelerated projected gradient descent
        before = amounts
        amounts = (ahead - rate * (gram @ ahead - gain)).clamp(0, most)
        momentum, last = (1 + (1 + 4 * momentum**2) ** 0.5) / 2, momentum
        ahead = amounts + (last - 1) / momentum * (amounts - before)
    return amounts


def explain(
    changes: Tensor,
    wanted: Tensor,
    sparsity: float,
    doubtful: float,
    certain: float,
    most: float = float("inf"),
) -> tuple[Tensor, float]:
    """Amounts (K,) of a mix for `wanted` (D,), and how surely changes (K, D) can be mixed so.

    Certainty is 0 where the mix's cosine to `wanted` is at most `doubtful`, 1 from `certain` on.
    """
    amounts = mix(changes, wanted, sparsity, most)
    similar = F.cosine_similarity(amounts @ changes, wanted, dim=0)
    return amounts, float(((similar - doubtful) / (certain - doubtful)).clamp(0, 1))
