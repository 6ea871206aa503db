"""Edit one textured head towards a prompt (paper section 3.2, equations 2-9)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from clipface_cli.edit.mappers import ExpressionMapper, TextureMapper, pretrain_zero
from clipface_cli.edit.subject import Subject
from clipface_cli.errors import InputError
from clipface_cli.guidance import (
    SOURCE_PROMPT,
    Guidance,
    directional_loss,
    expression_prior,
    target_prompt,
)
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

VIEWS = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees of yaw that the guidance sees
FLOOR = 0.05  # image directions shorter than this share of an embedding count as this long
Progress = Callable[[int, int, float], None]  # step, steps, directional similarity


@dataclass(frozen=True)
class EditSettings:
    """How to optimise the mappers; `paper` gives the published schedule."""

    steps: int = 120
    texture_rate: float = 2e-3
    expression_rate: float = 5e-3
    prior: float = 4e-3  # lambda_reg, weight of the expression prior
    views: int = 2  # renders a step
    resolution: int = 160  # of the renders that the guidance sees
    texture_only: bool = False
    seed: int = 0

    @classmethod
    def paper(cls, seed: int = 0) -> EditSettings:
        """5,000 iterations at 1e-4 and 5e-3 (paper section 4)."""
        return cls(steps=5000, texture_rate=1e-4, views=1, resolution=512, seed=seed)


@dataclass
class Edit:
    """The edited head, and the directional similarity (equation 7's cosine) over the steps."""

    subject: Subject
    similarity: list[float] = field(default_factory=list)
    start: float = 0.0
    end: float = 0.0


def edit_mesh(
    subject: Subject,
    prompt: str,
    head: HeadModel,
    generator: Generator,
    guidance: Guidance,
    settings: EditSettings = EditSettings(),
    progress: Progress | None = None,
) -> Edit:
    """Optimise fresh mappers for this head and prompt; shape and pose stay as they are.

    Raises InputError when the prompt is empty or the subject's code is another generator's.
    """
    if not prompt.strip():
        raise InputError("The prompt is empty; say what the face should look like.")
    if subject.w.shape[1:] != (generator.num_ws, generator.w_dim):
        raise InputError("The mesh was made by another generator; give the one that made it.")
    task = _Task(subject, prompt, head, generator, guidance, settings)
    edit = Edit(subject)
    for step in range(settings.steps):
        edit.similarity.append(task.step())
        if progress:
            progress(step + 1, settings.steps, edit.similarity[-1])
    with torch.no_grad():
        w, expression = task.predict()
        edit.start, edit.end = (
            task.score(subject.w, subject.params.expression),
            task.score(w, expression),
        )
        params = HeadParams(subject.params.shape, expression, subject.params.pose)
        entry = {"prompt": prompt, "guidance": guidance.name, "seed": settings.seed}
        edit.subject = Subject(params, w, generator.synthesis(w), [*subject.history, entry])
    return edit


class _Task:
    """Mappers under optimisation, and what they are compared with."""

    def __init__(
        self,
        subject: Subject,
        prompt: str,
        head: HeadModel,
        generator: Generator,
        guidance: Guidance,
        settings: EditSettings,
    ) -> None:
        self.random = random.Random(settings.seed)
        self.subject, self.head, self.generator = subject, head, generator
        self.guidance, self.settings = guidance, settings
        self.renderer = Renderer(head, settings.resolution)
        with torch.no_grad():
            target, source = guidance.encode_text([target_prompt(prompt), SOURCE_PROMPT])
        self.direction = (target - source)[None]
        torch.manual_seed(settings.seed)
        self.texture = TextureMapper(generator.num_ws, generator.w_dim)
        self.expression = ExpressionMapper(generator.w_dim, head.expression_size)
        pretrain_zero(self.texture, self.expression)
        groups = [{"params": self.texture.parameters(), "lr": settings.texture_rate}]
        if not settings.texture_only:
            groups.append({"params": self.expression.parameters(), "lr": settings.expression_rate})
        self.optimizer = torch.optim.Adam(groups)
        with torch.no_grad():
            images = self.render(subject.w, subject.params.expression, VIEWS)
            self.initial = guidance.encode_image(images)
        self.floor = FLOOR * float(self.initial.norm(dim=1).mean())

    def predict(self) -> tuple[Tensor, Tensor]:
        """Edited w (1, L, 512) and expression (1, E) (equations 3 and 4)."""
        w = self.subject.w + self.texture(self.subject.w)
        expression = self.subject.params.expression
        if not self.settings.texture_only:
            expression = expression + self.expression(w)
        return w, expression

    def render(self, w: Tensor, expression: Tensor, yaws: tuple[float, ...]) -> Tensor:
        """One texture on one head from several sides: (len(yaws), 3, H, W)."""
        params = self.subject.params
        vertices = self.head(params.shape, expression, params.pose)
        texture = self.generator.synthesis(w)
        count = len(yaws)
        image, _ = self.renderer(
            vertices.expand(count, -1, -1), texture.expand(count, -1, -1, -1), Camera.turned(yaws)
        )
        return image

    def step(self) -> float:
        chosen = self.random.sample(range(len(VIEWS)), self.settings.views)
        w, expression = self.predict()
        images = self.render(w, expression, tuple(VIEWS[k] for k in chosen))
        moved = self.guidance.encode_image(images) - self.initial[chosen]
        clip = directional_loss(moved, self.direction, self.floor).mean()
        loss = clip + self.settings.prior * expression_prior(expression).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        self.optimizer.step()
        return 1 - float(clip)

    def score(self, w: Tensor, expression: Tensor) -> float:
        """Directional similarity averaged over all views."""
        moved = self.guidance.encode_image(self.render(w, expression, VIEWS)) - self.initial
        return 1 - float(directional_loss(moved, self.direction).mean())
