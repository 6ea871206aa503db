"""Express a direction as a sparse, non-negative combination of known changes."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

ITERATIONS = 1000  # of 64 changes; amounts are stable to 1e-4 after some 300


@torch.no_grad()
def sparse_regression(
    changes: Tensor, wanted: Tensor, sparsity: float, most: float = float("inf")
) -> Tensor:
    """Amounts (K,) in [0, most] with amounts @ changes near `wanted` (D,).

    changes (K, D). `sparsity` is the cost of an amount as a share of the best single change's gain:
    0 gives plain least squares, 1 leaves all amounts at zero.
    """
    gram, gain = changes @ changes.T, changes @ wanted
    gain = gain - sparsity * gain.max().clamp_min(0)
    rate = 1 / torch.linalg.matrix_norm(gram, 2).clamp_min(1e-12)
    amounts = ahead = torch.zeros_like(gain)
    momentum = 1.0
    for _ in range(ITERATIONS):  # accelerated projected gradient descent
        before = amounts
        amounts = (ahead - rate * (gram @ ahead - gain)).clamp(0, most)
        momentum, last = (1 + (1 + 4 * momentum**2) ** 0.5) / 2, momentum
        ahead = amounts + (last - 1) / momentum * (amounts - before)
    return amounts


def certainty(amounts: Tensor, changes: Tensor, wanted: Tensor, span: tuple[float, float]) -> float:
    """Certainty in [0, 1] that `wanted` (D,) is such a combination of changes (K, D).

    0 where the combination's cosine to it is at most the first of `span`, 1 from the second on.
    """
    doubtful, certain = span
    similarity = F.cosine_similarity(amounts @ changes, wanted, dim=0)
    return float(((similarity - doubtful) / (certain - doubtful)).clamp(0, 1))
