"""Mappers from latent codes to edits: texture offsets a level, an expression offset (eq. 3, 4, 11).

Paper sec. 3.2 and 3.3, fig. 15. Layers are the published equalised ones (multiplier 0.01, LeakyReLU
0.2 after every layer) behind a second-moment normalisation of the input.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.assets import header_of, own_format
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
LAYERS = 4  # sec. 4
POSE = 6  # numbers of a pose: global rotation, jaw
TEXTURE_FILE, EXPRESSION_FILE = "texture_mapper.safetensors", "expression_mapper.safetensors"
MOTION_FILE = "motion_mapper.safetensors"
STILL = 1e-4  # frames whose states differ by less do not move


class LevelLayer(nn.Module):
    """One equalised layer for each of L = `levels` networks: (L, B, in) -> (L, B, out)."""

    def __init__(self, levels: int, in_features: int, out_features: int) -> None:
        super().__init__()
        # On the CPU at first: a seed gives the same weights for every device.
        weight = torch.randn(levels, out_features, in_features, device="cpu") / LR_MULTIPLIER
        self.weight = nn.Parameter(weight)
        self.bias = nn.Parameter(torch.zeros(levels, out_features, device="cpu"))

    def forward(self, x: Tensor) -> Tensor:
        return equalized_linear(x, self.weight, self.bias, LR_MULTIPLIER, activate=True)


class _Mapper(nn.Module):
    """`levels` parallel MLPs: (B, levels, in) -> (B, levels, out)."""

    format = ""

    def __init__(self, levels: int, sizes: list[int]) -> None:
        super().__init__()
        self.layers = nn.ModuleList(LevelLayer(levels, a, b) for a, b in pairwise(sizes))

    def run(self, inputs: Tensor) -> Tensor:
        """(B, levels, in) -> (B, levels, out)."""
        x = normalize_second_moment(inputs).transpose(0, 1)
        for layer in self.layers:
            x = layer(x)
        return x.transpose(0, 1)

    @torch.no_grad()
    def begin_at(self, offset: Tensor) -> None:
        """Let a zero-offset mapper predict `offset`, (out,) or (levels, out), for every input."""
        bias = torch.where(offset > 0, offset, offset / SLOPE) / (GAIN * LR_MULTIPLIER)
        last = self.get_parameter(f"layers.{len(self.layers) - 1}.bias")
        last.copy_(bias.expand_as(last))

    @torch.no_grad()
    def pretrain_zero(self) -> None:
        """Bring it to zero offsets for every input, the start of an edit (sec. 3.2).

        The paper gets there by l2 training on many codes. Its minimum is known: a last layer of
        zeros gives loss 0, and leaves the features of the earlier layers as they are.
        """
        for parameter in self.layers[-1].parameters():
            parameter.zero_()

    def _load(self, state: Mapping[str, Tensor]) -> None:
        self.load_state_dict(dict(state))

    def save(self, path: str | Path, dtype: torch.dtype = torch.float32, **provenance: str) -> None:
        """Write weights as safetensors; `provenance` goes into the file's metadata."""
        save_state(path, self.format, self.state_dict(), dtype, provenance)


def read_mapper(path: Path, kind: str, own: str) -> dict[str, Tensor]:
    """Weights of a mapper file: stacked (L, out, in) and (L, out), or of one MLP, (out, in).

    kind: kind of a published or imported file; own: format of files that `save` writes.

    Raises InputError where it holds another kind of mapper.
    """
    there = own_format(path)
    if there.endswith("-mapper") and there != own:
        holds, wanted = (name.removeprefix("clipface-") for name in (there, own))
        raise InputError(
            f"{path}: it holds {holds}, not {wanted}; `animate --mapper` takes motion mappers, "
            "`edit --mapper` the others."
        )
    return load_state(path, kind)


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
    """T: w (B, L, w_dim) -> offsets (B, L, w_dim), an MLP of its own for every level (eq. 3)."""

    format = "clipface-texture-mapper"

    def __init__(self, levels: int = 16, w_dim: int = 512, num_layers: int = LAYERS) -> None:
        super().__init__(levels, [w_dim] * (num_layers + 1))

    def forward(self, w: Tensor) -> Tensor:
        return self.run(w)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> TextureMapper:
        """Build from a state dict; a file with a single MLP applies it to every level."""
        try:
            stacked = _stack(state, "texture")
            sizes = _sizes(stacked)
            if len(set(sizes)) > 1:
                raise ValueError(f"they lead from {sizes[0]} to {sizes[-1]} numbers")
            mapper = cls(len(stacked["layers.0.weight"]), sizes[0], len(sizes) - 1)
            mapper._load(stacked)
        except (KeyError, ValueError, RuntimeError, IndexError) as error:
            raise InputError(f"These weights are not a texture mapper's: {error}") from error
        return mapper

    @classmethod
    def load(cls, path: str | Path) -> TextureMapper:
        """Read a .safetensors file or a run folder."""
        return cls.from_state(read_mapper(locate(path, TEXTURE_FILE), "mapper", cls.format)).eval()


class ExpressionMapper(_Mapper):
    """E: w (B, L, w_dim) -> expression offset (B, E), from the mean over the levels (eq. 4).

    With a `count`, row i of a batch of that many goes through an MLP of its own.
    """

    format = "clipface-expression-mapper"

    def __init__(
        self, w_dim: int = 512, expression: int = 50, num_layers: int = LAYERS, count: int = 1
    ) -> None:
        super().__init__(count, [w_dim] + [expression] * num_layers)
        self.size, self.count = expression, count

    def forward(self, w: Tensor) -> Tensor:
        if self.count > 1:
            return self.run(w.mean(1)[None]).squeeze(0)
        return self.run(w.mean(1, keepdim=True)).squeeze(1)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor]) -> ExpressionMapper:
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
    def load(cls, path: str | Path) -> ExpressionMapper:
        """Read a .safetensors file or a run folder."""
        file = locate(path, EXPRESSION_FILE)
        return cls.from_state(read_mapper(file, "mapper", cls.format)).eval()


class MotionMapper(_Mapper):
    """[w; psi_t; theta_t] to offsets of w, one MLP a level, shared over time (eq. 10 and 11).

    head_rotation: whether the head's global rotation enters; off (an addition), turning the head
    cannot repaint the skin.
    """

    format = "clipface-motion-mapper"

    def __init__(
        self,
        levels: int,
        w_dim: int = 512,
        expression: int = 50,
        num_layers: int = LAYERS,
        head_rotation: bool = True,
    ) -> None:
        super().__init__(levels, [w_dim + expression + POSE, *[w_dim] * num_layers])
        self.levels, self.w_dim, self.expression = levels, w_dim, expression
        self.head_rotation = head_rotation

    def forward(self, w: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """Offsets (B, L, w_dim) for w (B, L, w_dim), expression (B, E) and pose (B, 6) radians."""
        state = self.state(expression, pose)[:, None].expand(-1, w.shape[1], -1)
        return self.run(torch.cat([w, state], 2))

    def state(self, expression: Tensor, pose: Tensor) -> Tensor:
        """[psi; theta] (B, E + 6) as the mapper sees it."""
        if self.head_rotation:
            return torch.cat([expression, pose], 1)
        return torch.cat([expression, torch.zeros_like(pose[:, :3]), pose[:, 3:]], 1)

    @torch.no_grad()
    def center_on(self, w: Tensor, states: Tensor, weight: Tensor) -> None:
        """Fresh weights that see a clip's motion as strongly as the code w (1, L, w_dim).

        An addition: the states (T, E + 6) of a clip's frames are much alike, so their mean by
        weight (T,) is taken out by the first layer's bias, and what is left enlarged. Else an
        offset is soon learned for all frames, but only slowly for one.
        """
        share = weight[:, None] / weight.sum()
        mean = (share * states).sum(0)
        spread = (share * (states - mean).square()).sum().sqrt()
        if spread < STILL:
            return
        weights, bias = self.layers[0].parameters()
        seen = weights[:, :, self.w_dim :]
        seen *= w.norm(dim=2).mean() / spread
        inputs = torch.cat([w[0], mean.expand(self.levels, -1)], 1)
        bias.copy_(-(seen @ mean) / inputs.norm(dim=1, keepdim=True))

    def save(self, path: str | Path, dtype: torch.dtype = torch.int8, **provenance: str) -> None:
        """Write weights as safetensors, in 8 bits: no texel changes by half a level."""
        super().save(path, dtype, head_rotation=str(self.head_rotation), **provenance)

    @classmethod
    def from_state(cls, state: Mapping[str, Tensor], head_rotation: bool = True) -> MotionMapper:
        """Build from a published state dict or ours; weights (out, in) or (L, out, in) give sizes.

        Raises InputError for weights of other networks.
        """
        try:
            stacked = _stack(state, "texture")
            levels, w_dim, inputs = stacked["layers.0.weight"].shape
            layers, expression = len(_sizes(stacked)) - 1, inputs - w_dim - POSE
            if expression <= 0:
                raise ValueError(f"{inputs} inputs for a code of {w_dim}")
            mapper = cls(levels, w_dim, expression, layers, head_rotation)
            mapper._load(stacked)
        except (KeyError, ValueError, RuntimeError, IndexError) as error:
            raise InputError(
                "These weights are not a video mapper's; `clipface animate` writes one."
            ) from error
        return mapper

    @classmethod
    def load(cls, path: str | Path) -> MotionMapper:
        """Read what `save` wrote, a file or the folder it is in, or a published or imported one."""
        file = locate(path, MOTION_FILE)
        # Files of earlier versions do not say; published ones have no header.
        header = header_of(file) or {}
        rotation = header.get("head_rotation", str(header.get("format") != cls.format))
        state = read_mapper(file, "motion-mapper", cls.format)
        return cls.from_state(state, rotation == "True").eval()


def pretrain_zero(*mappers: _Mapper) -> None:
    """Bring mappers to zero offsets."""
    for mapper in mappers:
        mapper.pretrain_zero()
