"""Mappers from latent codes to edits: texture offsets per level and an expression offset.

Paper section 3.2, equations 2-4, figure 15. Layers are the published equalised ones (multiplier
0.01, LeakyReLU 0.2 after every layer) behind a second-moment normalisation of the input.
"""

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.errors import InputError
from clipface_cli.texture import (
    GAIN,
    SLOPE,
    equalized_linear,
    load_state,
    locate,
    normalize_second_moment,
    save_state,
)

LR_MULTIPLIER = 0.01
TEXTURE_FILE, EXPRESSION_FILE = "texture_mapper.safetensors", "expression_mapper.safetensors"


class LevelLayer(nn.Module):
    """One equalised layer for each of `levels` networks, evaluated together."""

    def __init__(self, levels: int, in_features: int, out_features: int) -> None:
        super().__init__()
        weight = torch.randn(levels, out_features, in_features) / LR_MULTIPLIER
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(levels, out_features))

    def forward(self, x: Tensor) -> Tensor:
        return equalized_linear(x, self.weight, self.bias, LR_MULTIPLIER, activate=True)


class _Mapper(nn.Module):
    """`levels` parallel MLPs: (B, levels, in) -> (B, levels, out)."""

    format = ""

    def __init__(self, levels: int, sizes: list[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LevelLayer(levels, a, b) for a, b in pairwise(sizes))

    def run(self, w: Tensor) -> Tensor:
        x = normalize_second_moment(w).transpose(0, 1)
        for layer in self.layers:
            x = layer(x)
        return x.transpose(0, 1)

    @torch.no_grad()
    def begin_at(self, offset: Tensor) -> None:
        """Add `offset`, (out,) or (levels, out), to what a zero-offset mapper predicts."""
        bias = torch.where(offset > 0, offset, offset / SLOPE) / (GAIN * LR_MULTIPLIER)
        last = self.get_parameter(f"layers.{len(self.layers) - 1}.bias")
        last.copy_(bias.expand_as(last))

    def _load(self, state: Mapping[str, Tensor]) -> None:
        self.load_state_dict(dict(state))

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32, **provenance: str) -> None:
        """Write weights as safetensors; `provenance` goes into the file's metadata."""
        save_state(path, self.format, self.state_dict(), dtype, provenance)


def _sizes(state: Mapping[str, Tensor]) -> list[int]:
    """Layer widths, input first, read from stacked weights (levels, out, in)."""
    weights = [state[f"layers.{i}.weight"] for i in range(len(state) // 2)]
    return [weights[0].shape[2]] + [w.shape[1] for w in weights]


def _stack(state: Mapping[str, Tensor], name: str) -> dict[str, Tensor]:
    """Accept one published MLP (out, in), or one per level as `level_0.` ..., or stacked ones.

    An imported file holds both mappers under `texture.` and `expression.`, which `name` picks.
    """
    if any(k.startswith(f"{name}.") for k in state):
        return {k.removeprefix(f"{name}."): v for k, v in state.items() if k.startswith(name)}
    if name == "texture" and any(k.startswith("level_0.") for k in state):
        levels = len({k.split(".")[0] for k in state if k.startswith("level_")})
        names = [k.removeprefix("level_0.") for k in state if k.startswith("level_0.")]
        return {n: torch.stack([state[f"level_{i}.{n}"] for i in range(levels)]) for n in names}
    if any(k.startswith("geo.") for k in state):
        state = {k.removeprefix("geo."): v for k, v in state.items() if k.startswith("geo.")}
    single = state["layers.0.weight"].ndim == 2
    return {k: v[None] if single else v for k, v in state.items()}


class TextureMapper(_Mapper):
    """w (B, L, w_dim) -> offsets (B, L, w_dim), an MLP of its own for every level."""

    format = "clipface-texture-mapper"

    def __init__(self, levels: int = 16, w_dim: int = 512, num_layers: int = 4) -> None:
        super().__init__(levels, [w_dim] * (num_layers + 1))

    def forward(self, w: Tensor) -> Tensor:
        return self.run(w)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "TextureMapper":
        """Build from a state dict; a file with a single MLP applies it to every level."""
        try:
            stacked = _stack(state, "texture")
            sizes = _sizes(stacked)
            mapper = cls(len(stacked["layers.0.weight"]), sizes[0], len(sizes) - 1)
            mapper._load(stacked)
        except (KeyError, RuntimeError, IndexError) as error:
            raise InputError(f"These weights are not a texture mapper's: {error}") from error
        return mapper

    @classmethod
    def load(cls, path: str | Path) -> "TextureMapper":
        """Read a .safetensors file or a run folder."""
        return cls.from_state(load_state(locate(path, TEXTURE_FILE))).eval()


class ExpressionMapper(_Mapper):
    """w (B, L, w_dim) -> expression offset (B, 50), from the mean over the levels.

    With a `count`, row i of a batch of that many goes through an MLP of its own.
    """

    format = "clipface-expression-mapper"

    def __init__(
        self, w_dim: int = 512, expression: int = 50, num_layers: int = 4, count: int = 1
    ) -> None:
        super().__init__(count, [w_dim] + [expression] * num_layers)
        self.size, self.count = expression, count

    def forward(self, w: Tensor) -> Tensor:
        if self.count > 1:
            return self.run(w.mean(1)[None]).squeeze(0)
        return self.run(w.mean(1, keepdim=True)).squeeze(1)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> "ExpressionMapper":
        """Build from a state dict, published or ours."""
        try:
            stacked = _stack(state, "expression")
            sizes = _sizes(stacked)
            mapper = cls(sizes[0], sizes[1], len(sizes) - 1)
            mapper._load(stacked)
        except (KeyError, RuntimeError, IndexError) as error:
            raise InputError(f"These weights are not an expression mapper's: {error}") from error
        return mapper

    @classmethod
    def load(cls, path: str | Path) -> "ExpressionMapper":
        """Read a .safetensors file or a run folder."""
        return cls.from_state(load_state(locate(path, EXPRESSION_FILE))).eval()


@torch.no_grad()
def pretrain_zero(*mappers: TextureMapper | ExpressionMapper) -> None:
    """Bring fresh mappers to zero offsets for every code, the start of an edit.

    The paper gets there by l2 training on many codes. Its minimum is known: a last layer of zeros
    gives loss 0, and leaves the features of the earlier layers as they are.
    """
    for mapper in mappers:
        for parameter in mapper.layers[-1].parameters():
            parameter.zero_()
