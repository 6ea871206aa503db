"""The two mappers of one prompt, their files, and batches of them that are optimised together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from clipface_cli.edit.mappers import (
    EXPRESSION_FILE,
    LR_MULTIPLIER,
    TEXTURE_FILE,
    ExpressionMapper,
    TextureMapper,
    pretrain_zero,
    read_mapper,
)
from clipface_cli.errors import InputError
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, locate


@dataclass
class Mappers:
    """Texture mapper T and expression mapper E; E is None where expressions stay (sec. 3.2)."""

    texture: TextureMapper
    expression: ExpressionMapper | None

    @classmethod
    def fresh(cls, generator: Generator, head: HeadModel, expressive: bool, seed: int) -> Mappers:
        """Random mappers on the generator's device."""
        torch.manual_seed(seed)
        texture = TextureMapper(generator.num_ws, generator.w_dim)
        expression = ExpressionMapper(generator.w_dim, head.expression_size)
        return cls(texture, expression if expressive else None).to(generator.mapping.w_avg)

    @classmethod
    def load(cls, source: str | Path) -> Mappers:
        """A folder that `save` filled, a published file, or an imported one by path or name."""
        path = locate(source, TEXTURE_FILE)
        if path.name == TEXTURE_FILE:
            beside = path.with_name(EXPRESSION_FILE)
            expression = ExpressionMapper.load(beside) if beside.is_file() else None
            return cls(TextureMapper.load(path), expression)
        state = read_mapper(path, "mapper", TextureMapper.format)
        expressive = any(name.startswith(("expression.", "geo.")) for name in state)
        return cls(
            TextureMapper.from_state(state).eval(),
            ExpressionMapper.from_state(state).eval() if expressive else None,
        )

    def save(self, folder: Path, prompt: str) -> None:
        """Write texture_mapper.safetensors and, unless expressions stay, expression_mapper."""
        self.texture.save(folder / TEXTURE_FILE, prompt=prompt)
        if self.expression is not None:
            self.expression.save(folder / EXPRESSION_FILE, prompt=prompt)

    def to(self, place: torch.device | Tensor) -> Mappers:
        """Move both, in place: to a device, or to the device and dtype of a tensor of any shape."""
        for mapper in self._present():
            mapper.to(place)
        return self

    def check(self, generator: Generator, head: HeadModel) -> None:
        """InputError where they were trained for another generator or head."""
        levels, _, width = self.texture.get_parameter("layers.0.weight").shape
        if levels not in (1, generator.num_ws) or width != generator.w_dim:
            raise InputError("These mappers were trained for another generator.")
        if self.expression is not None and self.expression.size != head.expression_size:
            raise InputError(
                f"These mappers change {self.expression.size} expression coefficients, this head "
                f"has {head.expression_size}; give the head they were trained for."
            )

    def start_from(self, other: Mappers) -> None:
        """Take the weights of trained mappers, of one MLP for all levels too.

        Where they have no expression mapper, this one stays as it is.
        """
        _copy(other.texture, self.texture)
        if self.expression is not None and other.expression is not None:
            _copy(other.expression, self.expression)

    def pretrain_zero(self) -> None:
        """Bring both to zero offsets."""
        pretrain_zero(*self._present())

    def begin_at(self, w_offset: Tensor, expression_offset: Tensor) -> None:
        """Move zero-offset mappers to offsets (L, w_dim) and (E,) for every code."""
        self.texture.begin_at(w_offset)
        if self.expression is not None:
            self.expression.begin_at(expression_offset)

    def _present(self) -> list[TextureMapper | ExpressionMapper]:
        return [m for m in (self.texture, self.expression) if m is not None]

    def groups(self, texture_rate: float, expression_rate: float) -> list[dict[str, Any]]:
        """Parameter groups for an optimizer: a learning rate for each mapper."""
        return _groups(self.texture, texture_rate, self.expression, expression_rate)

    def __call__(self, w: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Edited w (B, L, w_dim) and expression (B, E); eq. 3 and 4."""
        edited = w + self.texture(w)
        if self.expression is not None:
            expression = expression + self.expression(edited)
        return edited, expression


class MapperBatch(nn.Module):
    """Mappers of their own for each of `count` edits, all evaluated as one batched operation."""

    def __init__(
        self,
        generator: Generator,
        head: HeadModel,
        seeds: Sequence[int],
        code_conditioned: bool = True,
    ) -> None:
        """seeds: one an edit; code_conditioned: expressions follow the edited code (eq. 4), else
        the initial expression."""
        super().__init__()
        count = len(seeds)
        self.levels, self.code_conditioned = generator.num_ws, code_conditioned
        width = generator.w_dim if code_conditioned else head.expression_size
        self.texture = TextureMapper(count * generator.num_ws, generator.w_dim)
        self.expression = ExpressionMapper(width, head.expression_size, count=count)
        for place, seed in enumerate(seeds):
            self._draw(place, seed)
        self.to(generator.mapping.w_avg)

    def _draw(self, place: int, seed: int) -> None:
        """Weights of one edit's mappers, whatever the other edits are."""
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for mapper, span in ((self.texture, self.levels), (self.expression, 1)):
                for layer in mapper.layers:
                    weight: Tensor = layer.get_parameter("weight")
                    part = weight[place * span : (place + 1) * span]
                    part.normal_(generator=random).div_(LR_MULTIPLIER)

    def pretrain_zero(self) -> None:
        """Bring all of them to zero offsets."""
        pretrain_zero(self.texture, self.expression)

    def begin_at(self, offsets: Tensor, expressions: Tensor) -> None:
        """Move zero-offset mappers to offsets (count, L, w_dim) and expressions (count, E)."""
        self.texture.begin_at(offsets.flatten(0, 1))
        self.expression.begin_at(expressions)

    def start_from(self, mappers: Mappers) -> None:
        """Take the weights of trained mappers, the same for every edit.

        Where they have no expression mapper, or one of other inputs, these stay as they are.
        """
        _copy(mappers.texture, self.texture)
        if mappers.expression is not None and self.code_conditioned:
            _copy(mappers.expression, self.expression)

    def groups(self, texture_rate: float, expression_rate: float) -> list[dict[str, Any]]:
        """Parameter groups for an optimizer: a learning rate for each kind of mapper."""
        return _groups(self.texture, texture_rate, self.expression, expression_rate)

    def forward(self, w: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets of codes (count, L, w_dim) and of expressions (count, E); eq. 3 and 4."""
        moved = self.texture(w.flatten(0, 1)[None]).view_as(w)
        seen = w + moved if self.code_conditioned else expression[:, None]
        return moved, self.expression(seen)


def _groups(
    texture: TextureMapper,
    texture_rate: float,
    expression: ExpressionMapper | None,
    expression_rate: float,
) -> list[dict[str, Any]]:
    groups: list[dict[str, Any]] = [{"params": texture.parameters(), "lr": texture_rate}]
    if expression is not None:
        groups.append({"params": expression.parameters(), "lr": expression_rate})
    return groups


@torch.no_grad()
def _copy(source: nn.Module, target: nn.Module) -> None:
    """Weights (M, ...) of mappers into target's (N, ...), N a multiple of M."""
    own = target.state_dict()
    for name, value in source.state_dict().items():
        if len(own[name]) % len(value) or own[name].shape[1:] != value.shape[1:]:
            raise InputError(
                "The mappers to start from were trained for another generator or head."
            )
        repeats = [len(own[name]) // len(value)] + [1] * (value.ndim - 1)
        own[name].copy_(value.repeat(repeats))
