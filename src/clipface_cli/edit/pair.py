"""The two mappers of one prompt, their files, and sets of them that are optimised together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.edit.mappers import (
    EXPRESSION_FILE,
    LR_MULTIPLIER,
    TEXTURE_FILE,
    ExpressionMapper,
    TextureMapper,
    pretrain_zero,
)
from clipface_cli.head import HeadModel
from clipface_cli.texture import Generator, load_state, locate


@dataclass
class Mappers:
    """Texture mapper T and expression mapper E; E is None where expressions stay (section 3.2)."""

    texture: TextureMapper
    expression: ExpressionMapper | None

    @classmethod
    def fresh(cls, generator: Generator, head: HeadModel, expressive: bool, seed: int) -> Mappers:
        """Random mappers that predict zero offsets."""
        torch.manual_seed(seed)
        texture = TextureMapper(generator.num_ws, generator.w_dim)
        expression = ExpressionMapper(generator.w_dim, head.expression_size)
        pretrain_zero(texture, expression)
        return cls(texture, expression if expressive else None)

    @classmethod
    def load(cls, source: str | Path) -> Mappers:
        """A folder that `save` filled, a published file, or an imported one by path or name."""
        path = locate(source, TEXTURE_FILE)
        if path.name == TEXTURE_FILE:
            beside = path.with_name(EXPRESSION_FILE)
            expression = ExpressionMapper.load(beside) if beside.is_file() else None
            return cls(TextureMapper.load(path), expression)
        state = load_state(path)
        expressive = any(name.startswith("expression.") for name in state)
        return cls(
            TextureMapper.from_state(state).eval(),
            ExpressionMapper.from_state(state).eval() if expressive else None,
        )

    def save(self, folder: Path, prompt: str) -> None:
        """Write texture_mapper.safetensors and, unless expressions stay, expression_mapper."""
        self.texture.save(folder / TEXTURE_FILE, prompt=prompt)
        if self.expression is not None:
            self.expression.save(folder / EXPRESSION_FILE, prompt=prompt)

    def begin_at(self, offset: Tensor, expression: Tensor) -> None:
        """Predict `offset` (w_dim,) at every level and this expression offset for every code."""
        self.texture.begin_at(offset)
        if self.expression is not None:
            self.expression.begin_at(expression)

    def optimizer(self, texture_rate: float, expression_rate: float) -> torch.optim.Adam:
        """Adam with a learning rate for each mapper."""
        groups = [{"params": self.texture.parameters(), "lr": texture_rate}]
        if self.expression is not None:
            groups.append({"params": self.expression.parameters(), "lr": expression_rate})
        return torch.optim.Adam(groups)

    def __call__(self, w: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Edited w (B, L, w_dim) and expression (B, E) (equations 3 and 4)."""
        edited = w + self.texture(w)
        if self.expression is not None:
            expression = expression + self.expression(edited)
        return edited, expression


class MapperSet(nn.Module):
    """Mappers of their own for each of `count` edits, all evaluated as one batched operation."""

    def __init__(
        self, count: int, generator: Generator, head: HeadModel, seeds: list[int], by_code: bool
    ) -> None:
        """by_code: expressions follow the edited code (equation 4), else the initial expression."""
        super().__init__()
        self.count, self.levels, self.by_code = count, generator.num_ws, by_code
        width = generator.w_dim if by_code else head.expression_size
        self.texture = TextureMapper(count * generator.num_ws, generator.w_dim)
        self.expression = ExpressionMapper(width, head.expression_size, count=count)
        for place, seed in enumerate(seeds):
            self._draw(place, seed)

    def _draw(self, place: int, seed: int) -> None:
        """Weights of one edit's mappers, whatever the other edits are."""
        random = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for mapper, span in ((self.texture, self.levels), (self.expression, 1)):
                for layer in mapper.layers:
                    weight: Tensor = layer.get_parameter("weight")
                    part = weight[place * span : (place + 1) * span]
                    part.normal_(generator=random).div_(LR_MULTIPLIER)

    def begin_at(self, offsets: Tensor, expressions: Tensor) -> None:
        """Zero-offset mappers, moved to offsets (count, L, w_dim) and expressions (count, E)."""
        pretrain_zero(self.texture, self.expression)
        self.texture.begin_at(offsets.flatten(0, 1))
        self.expression.begin_at(expressions)

    def optimizer(self, texture_rate: float, expression_rate: float) -> torch.optim.Adam:
        """Adam with a learning rate for each kind of mapper."""
        groups = [
            {"params": self.texture.parameters(), "lr": texture_rate},
            {"params": self.expression.parameters(), "lr": expression_rate},
        ]
        return torch.optim.Adam(groups, fused=True)

    def forward(self, w: Tensor, expression: Tensor) -> tuple[Tensor, Tensor]:
        """Offsets of codes (count, L, w_dim) and of expressions (count, E)."""
        moved = self.texture(w.flatten(0, 1)[None]).view_as(w)
        seen = w + moved if self.by_code else expression[:, None]
        return moved, self.expression(seen)
