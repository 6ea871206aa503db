"""Text tower: word vectors, a memory of the concepts seen in training, and light attention."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_REACH = 4


class ConceptMemory(nn.Module):
    """Maps a word vector to a soft choice among learned concepts.

    A concept is a word of the training captions: a fixed key (its word vector) and a learned value.
    A synonym picks the concepts it resembles; a word that resembles none falls on the empty slot
    and contributes nothing. That is what keeps prompts outside the vocabulary harmless.
    """

    keys: Tensor

    def __init__(self, keys: Tensor, size: int) -> None:
        super().__init__()
        self.register_buffer("keys", keys, persistent=False)
        self.values = nn.Parameter(torch.randn(len(keys), size) * 0.5)
        self.sharpness = nn.Parameter(torch.tensor(3.0))
        self.threshold = nn.Parameter(torch.tensor(0.45))

    def forward(self, vectors: Tensor) -> tuple[Tensor, Tensor]:
        """Vectors (B, L, P) to embeddings (B, L, D) and familiarity (B, L) in [0, 1]."""
        scores = F.linear(vectors, self.keys)
        empty = self.threshold.clamp(0.4, 0.6).expand(*scores.shape[:2], 1)
        scale = self.sharpness.clamp(2.5, 3.7).exp()
        choice = torch.cat([scores, empty], 2).mul(scale).softmax(2)
        return choice[..., :-1] @ self.values, 1 - choice[..., -1]


class _Layer(nn.Module):
    """Pre-norm transformer layer whose positions are a learned bias on near distances only."""

    def __init__(self, size: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(size)
        self.qkv = nn.Linear(size, 3 * size)
        self.out = nn.Linear(size, size)
        self.distance = nn.Parameter(torch.zeros(heads, 2 * _REACH + 1))
        self.mlp = nn.Sequential(
            nn.LayerNorm(size), nn.Linear(size, 2 * size), nn.GELU(), nn.Linear(2 * size, size)
        )

    def forward(self, x: Tensor, visible: Tensor) -> Tensor:
        """x (B, L, D); visible (B, L): logarithm of how much each word may be attended to."""
        steps = torch.arange(x.shape[1], device=x.device)
        apart = (steps[None] - steps[:, None]).clamp(-_REACH, _REACH) + _REACH
        bias = self.distance[:, apart] + visible[:, None, None]
        qkv = self.qkv(self.norm(x)).unflatten(2, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(qkv[0], qkv[1], qkv[2], attn_mask=bias)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.mlp(x)


class TextTower(nn.Module):
    """Word vectors (B, L, P) of prompts to embeddings (B, D)."""

    def __init__(self, keys: Tensor, size: int = 128, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.memory = ConceptMemory(keys, size)
        self.layers = nn.ModuleList(_Layer(size, heads) for _ in range(layers))
        self.weigh = nn.Linear(size, 1)
        self.norm = nn.LayerNorm(size)
        self.project = nn.Linear(size, size)

    def forward(self, vectors: Tensor, present: Tensor) -> Tensor:
        """present (B, L): 1 where there is a word, 0 where there is padding."""
        x, familiarity = self.memory(vectors)
        visible = (familiarity * present + 1e-6).log()
        for layer in self.layers:
            x = layer(x, visible)
        x = self.norm(x)
        weights = (self.weigh(x).squeeze(2) + visible).softmax(1)
        pooled = torch.einsum("bl,bld->bd", weights, x)
        return self.project(pooled)
