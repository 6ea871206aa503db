"""Start with the offsets that one mapper for all prompts predicts, in one forward pass.

The mappers of eq. 2 to 4 belong to one prompt each. Here the prompt's direction scales and shifts
the features of every layer (FiLM), and the levels share their weights but for scales and shifts of
their own. Optimisation finds better offsets, so by default only an edit without steps uses it.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from clipface_cli.artifacts import read_tensors, restored, write_tensors
from clipface_cli.assets import locate_asset, own_format
from clipface_cli.edit.code_prior import sample_codes
from clipface_cli.edit.initialization.start import Request, Start
from clipface_cli.errors import InputError
from clipface_cli.guidance import SOURCE_PROMPT, Guidance
from clipface_cli.head import HeadModel
from clipface_cli.texture import SLOPE, Generator, normalize_second_moment

FORMAT = "clipface-prompt-mapper"
FILE = "prompt_mapper.safetensors"
WIDTH = 192  # features of a layer: 1.4 MB in all
_SAME_CODE = 2e-3  # by which a code may differ and still be the same generator's


def start_by_mapper(request: Request, start: Start) -> Start:
    """The initialisation "prompt-mapper"; none where there is no mapper for these networks."""
    mapper = request.models.prompt_mapper
    if mapper is None:
        return start
    moved, change = mapper(
        request.person.w,
        request.direction[None],
        start.w_offset[None],
        start.expression_offset[None],
        start.w_offset.new_tensor([start.appearance_weight]),
    )
    return replace(
        start,
        w_offset=start.w_offset + moved[0],
        expression_offset=start.expression_offset + change[0],
    )


class _Branch(nn.Module):
    """(B, L, inputs) -> (B, L, outputs), zero at first; `levels` of L have scales of their own."""

    def __init__(self, inputs: int, outputs: int, condition: int, levels: int) -> None:
        super().__init__()
        self.enter, self.middle = (
            nn.Linear(inputs, WIDTH, device="cpu"),
            nn.Linear(WIDTH, WIDTH, device="cpu"),
        )
        self.leave = nn.Linear(WIDTH, outputs, device="cpu")
        self.film = nn.Linear(condition, 4 * WIDTH, device="cpu")
        self.level = nn.Parameter(torch.zeros(levels, 4 * WIDTH, device="cpu"))
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
    """Offsets of codes (B, L, w_dim) and of expressions (B, E) on top of the starts' own.

    Belongs to one generator, head and guidance.
    """

    first_code: Tensor
    spread: Tensor

    def __init__(
        self, levels: int, w_dim: int, expression: int, direction: int, head_id: str, guidance: str
    ) -> None:
        super().__init__()
        self.head_id, self.guidance = head_id, guidance
        self.read = nn.Linear(direction + 1, WIDTH, device="cpu")
        self.texture = _Branch(w_dim, w_dim, WIDTH, levels)
        self.expression = _Branch(w_dim + expression, expression, WIDTH, 1)
        self.register_buffer("first_code", torch.zeros(w_dim, device="cpu"))
        self.register_buffer("spread", torch.ones((), device="cpu"))

    @classmethod
    def fresh(
        cls, head: HeadModel, generator: Generator, guidance: Guidance, seed: int
    ) -> PromptMapper:
        """A mapper that predicts zero offsets."""
        torch.manual_seed(seed)
        size = guidance.encode_text([SOURCE_PROMPT]).shape[1]
        sizes = generator.num_ws, generator.w_dim, head.expression_size, size
        mapper = cls(*sizes, head.head_id, guidance.name)
        codes = sample_codes(generator)
        mapper.first_code.copy_(codes[0])
        mapper.spread.copy_(codes.std(0).mean())
        return mapper

    def forward(
        self,
        w: Tensor,
        direction: Tensor,
        w_offset: Tensor,
        expression_offset: Tensor,
        appearance_weight: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """w (B, L, w_dim), target directions (B, D), the start so far: w_offset (B, L or 1, w_dim),
        expression_offset (B, E), and appearance_weight (B,)."""
        asked = torch.cat([F.normalize(direction, dim=1), appearance_weight[:, None]], 1)
        condition = F.leaky_relu(self.read(asked), SLOPE)
        start = w + w_offset
        moved = self.spread * self.texture(normalize_second_moment(start), condition)
        moved = appearance_weight[:, None, None] * moved  # expressions do not repaint skin and hair
        mean = normalize_second_moment((start + moved).mean(1, keepdim=True))
        seen = torch.cat([mean, expression_offset[:, None]], 2)
        return moved, self.expression(seen, condition)[:, 0]

    def fits(self, head: HeadModel, generator: Generator, guidance: Guidance) -> bool:
        """Whether it was trained for these networks and this head."""
        here = sample_codes(generator, 1)[0].to(self.first_code)
        known = self.head_id == head.head_id and self.guidance == guidance.name
        as_deep = len(self.texture.level) == generator.num_ws
        same = as_deep and here.shape == self.first_code.shape
        return known and same and torch.allclose(here, self.first_code, atol=_SAME_CODE)

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
    return PromptMapper.load(path) if own_format(path) == FORMAT else None
