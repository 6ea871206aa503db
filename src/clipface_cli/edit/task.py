"""What single-mesh edits and mapper training share: two mappers, the renders, the loss."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.edit.crowd import Crowd
from clipface_cli.edit.mappers import (
    EXPRESSION_FILE,
    TEXTURE_FILE,
    ExpressionMapper,
    TextureMapper,
    pretrain_zero,
)
from clipface_cli.edit.moods import Moods
from clipface_cli.edit.subject import Subject
from clipface_cli.guidance import (
    SOURCE_PROMPT,
    Guidance,
    directional_loss,
    expression_prior,
    target_prompt,
)
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator, load_state, locate

VIEWS = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees of yaw that the guidance sees
FLOOR = 0.5  # image directions shorter than this share of the text's count as this long


@dataclass
class Mappers:
    """Texture mapper T and expression mapper E; E is None where expressions stay (section 3.2)."""

    texture: TextureMapper
    expression: ExpressionMapper | None

    @classmethod
    def fresh(cls, generator: Generator, head: HeadModel, texture_only: bool, seed: int) -> Mappers:
        """Random mappers that predict zero offsets."""
        torch.manual_seed(seed)
        texture = TextureMapper(generator.num_ws, generator.w_dim)
        expression = ExpressionMapper(generator.w_dim, head.expression_size)
        pretrain_zero(texture, expression)
        return cls(texture, None if texture_only else expression)

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

    def begin_at(self, offset: Tensor, expression: Tensor) -> None:
        """Predict `offset` (w_dim,) at every level and this expression offset for every code."""
        self.texture.begin_at(offset)
        if self.expression is not None:
            self.expression.begin_at(expression)

    def save(self, folder: Path, prompt: str) -> None:
        """Write texture_mapper.safetensors and, unless expressions stay, expression_mapper."""
        self.texture.save(folder / TEXTURE_FILE, prompt=prompt)
        if self.expression is not None:
            self.expression.save(folder / EXPRESSION_FILE, prompt=prompt)

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


@dataclass(frozen=True)
class Aim:
    """What an edit is judged by, and how much each part counts."""

    prior: float = 1.5e-2  # lambda_reg, expression prior
    length: float = 1.0  # how much a too short change costs
    reach: float = 1.8  # wanted length of a mood's image direction, in the text direction's
    code_prior: float = 0.5  # how much leaving the look's own offset costs
    separation: float = 5.0  # how much stiffer textures are for moods and expressions for looks
    resolution: int = 160  # of the renders that the guidance sees


class Judge:
    """Renders heads for the guidance and compares their change with a prompt's direction.

    It also knows where to start: at the code offset of people with the prompt's look, and at the
    expression of its mood, measured on `person` where expressions may change.
    """

    def __init__(
        self,
        prompt: str,
        person: Subject,
        head: HeadModel,
        generator: Generator,
        guidance: Guidance,
        aim: Aim,
        expressive: bool,
    ) -> None:
        self.head, self.generator, self.guidance, self.aim = head, generator, guidance, aim
        self.renderer = Renderer(head, aim.resolution)
        with torch.no_grad():
            target, source = guidance.encode_text([target_prompt(prompt), SOURCE_PROMPT])
        self.direction = (target - source)[None]
        self.crowd = Crowd.of(head, generator, guidance)
        self.expressive = expressive
        self.mood, self.moody = torch.zeros(head.expression_size), 0.0
        self.offset, self.length = torch.zeros(generator.w_dim), 0.0
        if guidance.calibrated:
            self._begin_nearer(person)

    def _begin_nearer(self, person: Subject) -> None:
        """Find the start and the wanted length, which takes a guidance that tells how far."""
        if self.expressive:
            moods = Moods.of(self.head, self._expressions(person))
            self.mood, self.moody = moods.expression(self.aim.reach * self.direction)
        asked = float(self.direction.norm().clamp_min(1e-8))
        self.length = self.moody * self.aim.reach * asked
        self.length += (1 - self.moody) * self.crowd.reach(self.direction)
        wanted = self.direction * self.length / asked
        self.offset = (1 - self.moody) * self.crowd.offset(wanted)

    def fresh_mappers(self, seed: int) -> Mappers:
        """Random mappers that predict the start, whatever the code."""
        mappers = Mappers.fresh(self.generator, self.head, not self.expressive, seed)
        mappers.begin_at(self.offset, self.mood)
        return mappers

    def _expressions(self, person: Subject) -> Callable[[Tensor], Tensor]:
        """Embeddings (N, D) of the person from the front with expression offsets (N, E)."""
        params, front = person.params, [len(VIEWS) // 2]

        def look(offsets: Tensor) -> Tensor:
            expressions = (params.expression + offsets).split(1)
            return torch.cat([self.look(params, person.texture, e, front) for e in expressions])

        return look

    def look(
        self, params: HeadParams, texture: Tensor, expression: Tensor, views: list[int]
    ) -> Tensor:
        """Image embeddings (len(views), D) of one textured head from several sides."""
        vertices = self.head.pose_head(params.with_expression(expression)) - self.head.origin
        count = len(views)
        camera = Camera.turned([VIEWS[k] for k in views])
        image, _ = self.renderer(
            vertices.expand(count, -1, -1), texture.expand(count, -1, -1, -1), camera
        )
        return self.guidance.encode_image(image)

    def assess(
        self, mappers: Mappers, person: Subject, before: Tensor, views: list[int]
    ) -> tuple[Tensor, float]:
        """Loss and directional similarity of the mappers' edit of a person, seen from `views`."""
        w, expression = mappers(person.w, person.params.expression)
        after = self.look(person.params, self.generator.synthesis(w), expression, views)
        return self.loss(before, after, w - person.w, expression - person.params.expression)

    def loss(
        self, before: Tensor, after: Tensor, change: Tensor, expression: Tensor
    ) -> tuple[Tensor, float]:
        """Loss of equation 9 with two terms more, and the directional similarity in it.

        The directional loss does not care how far an edit goes: `length` asks for a visible
        change. The code prior keeps the change (B, L, w_dim) of the code near the offset at which
        people with the prompt's look lie. Moods change textures little, looks expressions.
        """
        moved, aim = after - before, self.aim
        floor = max(FLOOR * float(self.direction.norm()), 1e-8)
        clip = directional_loss(moved, self.direction, floor).mean()
        loss = clip
        if self.length:
            along = moved @ F.normalize(self.direction[0], dim=0) / self.length
            loss = loss + aim.length * (1 - along).clamp_min(0).mean()
        stiff = 1 + aim.separation * (1 - self.moody)
        loss = loss + stiff * aim.prior * expression_prior(expression - self.mood).mean()
        stiff = 1 + aim.separation * self.moody
        loss = loss + stiff * aim.code_prior * self.crowd.distance(change - self.offset)
        return loss, 1 - float(clip.detach())

    def similarity(self, before: Tensor, after: Tensor) -> float:
        """Directional similarity, averaged over the views."""
        return 1 - float(directional_loss(after - before, self.direction).mean())
