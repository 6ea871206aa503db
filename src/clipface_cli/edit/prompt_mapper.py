"""One mapper for all prompts: what the planned start of an edit still lacks, in one pass.

The mappers of equations 2 to 4 belong to one prompt each. Here the prompt's direction scales and
shifts the features of every layer (FiLM), and the levels share their weights but for such scales
and shifts of their own.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import torch
import torch.nn.functional as F
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from clipface_cli.artifacts import read_tensors, restored, write_tensors
from clipface_cli.assets import locate_asset
from clipface_cli.errors import InputError
from clipface_cli.texture import SLOPE, normalize_second_moment

if TYPE_CHECKING:
    from clipface_cli.edit.scene import Goal, Scene

FORMAT = "clipface-prompt-mapper"
FILE = "prompt_mapper.safetensors"
WIDTH = 192  # features of a layer


class _Branch(nn.Module):
    """(B, L, inputs) -> (B, L, outputs), zero at first; `levels` of L have scales of their own."""

    def __init__(self, inputs: int, outputs: int, condition: int, levels: int) -> None:
        super().__init__()
        self.enter, self.middle = nn.Linear(inputs, WIDTH), nn.Linear(WIDTH, WIDTH)
        self.leave = nn.Linear(WIDTH, outputs)
        self.film = nn.Linear(condition, 4 * WIDTH)
        self.level = nn.Parameter(torch.zeros(levels, 4 * WIDTH))
        for layer in (self.leave, self.film):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scales = (self.film(condition)[:, None] + self.level).chunk(4, 2)
        x = F.leaky_relu(self.enter(x) * (1 + scales[0]) + scales[1], SLOPE)
        x = F.leaky_relu(self.middle(x) * (1 + scales[2]) + scales[3], SLOPE)
        out: Tensor = self.leave(x)
        return out


class PromptMapper(nn.Module):
    """Codes (B, L, w_dim) and goals -> offsets of codes (B, L, w_dim) and expressions (B, E).

    They come on top of the goals' own `offset` and `mood`. Belongs to one generator, head and
    guidance.
    """

    first_code: Tensor
    spread: Tensor

    def __init__(
        self, levels: int, w_dim: int, expression: int, direction: int, head_id: str, guidance: str
    ) -> None:
        super().__init__()
        self.head_id, self.guidance = head_id, guidance
        self.read = nn.Linear(direction + 1, WIDTH)
        self.texture = _Branch(w_dim, w_dim, WIDTH, levels)
        self.expression = _Branch(w_dim + expression, expression, WIDTH, 1)
        self.register_buffer("first_code", torch.zeros(w_dim))
        self.register_buffer("spread", torch.ones(()))

    @classmethod
    def fresh(cls, scene: Scene, seed: int) -> PromptMapper:
        """One that predicts zero offsets."""
        torch.manual_seed(seed)
        generator, head, guidance = scene.generator, scene.head, scene.guidance
        size = scene.direction("face").shape[1]
        sizes = generator.num_ws, generator.w_dim, head.expression_size, size
        mapper = cls(*sizes, head.head_id, guidance.name)
        mapper.first_code.copy_(scene.crowd.codes[0])
        mapper.spread.copy_(scene.crowd.codes.std(0).mean())
        return mapper

    def forward(self, w: Tensor, goal: Goal) -> tuple[Tensor, Tensor]:
        asked = torch.cat([F.normalize(goal.wanted, dim=1), goal.looky[:, None]], 1)
        condition = F.leaky_relu(self.read(asked), SLOPE)
        start = w + goal.offset[:, None]
        moved = self.spread * self.texture(normalize_second_moment(start), condition)
        moved = goal.looky[:, None, None] * moved  # a mood is no reason to repaint skin and hair
        mean = normalize_second_moment((start + moved).mean(1, keepdim=True))
        seen = torch.cat([mean, goal.mood[:, None]], 2)
        return moved, self.expression(seen, condition)[:, 0]

    def fits(self, scene: Scene) -> bool:
        """Whether it was trained for these networks and this head."""
        here = scene.crowd.codes[0]
        known = self.head_id == scene.head.head_id and self.guidance == scene.guidance.name
        as_deep = len(self.texture.level) == scene.generator.num_ws
        same = as_deep and here.shape == self.first_code.shape
        return known and same and torch.allclose(here, self.first_code, atol=2e-3)

    def save(self, path: Path) -> None:
        """Write the weights in half precision, and what they belong to."""
        about = {"format": FORMAT, "head": self.head_id, "guidance": self.guidance}
        write_tensors(path, {k: v.half() for k, v in self.state_dict().items()}, about)

    @classmethod
    def load(cls, path: Path) -> PromptMapper:
        """Read what `save` wrote; InputError for other files."""
        tensors, header = read_tensors(path, FORMAT)
        state = restored(tensors)
        try:
            levels = len(state["texture.level"])
            w_dim, expression = (len(state[f"{k}.leave.bias"]) for k in ("texture", "expression"))
            direction = state["read.weight"].shape[1] - 1
            mapper = cls(levels, w_dim, expression, direction, header["head"], header["guidance"])
            mapper.load_state_dict(state)
        except (KeyError, RuntimeError) as error:
            raise InputError(f"{path} is not a prompt mapper ({error}).") from error
        return mapper.eval().requires_grad_(False)


def prompt_mapper_of(source: str) -> PromptMapper | None:
    """The prompt mapper that a run folder holds or a file is; None where it is something else.

    Raises InputError where there is nothing of that name.
    """
    path = locate_asset(source)
    path = path / FILE if path.is_dir() else path
    try:
        with safe_open(path, "pt") as file:
            known = (file.metadata() or {}).get("format") == FORMAT
    except (SafetensorError, OSError):
        return None
    return PromptMapper.load(path) if known else None
