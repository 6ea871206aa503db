"""Textures that change with the expression of a sequence (paper sec. 3.3, eq. 10 to 14)."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.adam import Adam
from clipface_cli.avatar.subject import Subject
from clipface_cli.edit.composition import TextureComposition
from clipface_cli.edit.mappers import STILL, MotionMapper
from clipface_cli.edit.models import EditModels
from clipface_cli.edit.optimize import Evaluation, Heads, Objective, descend
from clipface_cli.edit.presets import AnimateSettings
from clipface_cli.edit.stages import Stage, StageBatch
from clipface_cli.edit.views import FRONT, Views, ViewSampler, fixed_views
from clipface_cli.head import HeadParams
from clipface_cli.texture import Generator

Frames = list[int] | Tensor  # numbers of frames

Callback = Callable[[int, int, Tensor], None]
"""Called after every step with (step, steps, directional similarity ())."""


def importance(expression: Tensor, pose: Tensor) -> Tensor:
    """Weights i_t (T,) in 0..1 of frames by how far they are from neutral; eq. 13.

    expression (T, E); pose (T, 6) radians. Neutral keeps each frame's own rotation of the head, for
    that is no expression. A sequence that does not move has weights of one.
    """
    apart = torch.cat([expression, pose[:, 3:]], 1).norm(dim=1)
    span = apart.max() - apart.min()
    if span < STILL:
        return torch.ones_like(apart)
    return (apart - apart.min()) / span


@dataclass(frozen=True)
class Clip:
    """expression (T, E), pose (T, 6) radians and importance (T,) of a sequence's frames."""

    expression: Tensor
    pose: Tensor
    weight: Tensor

    @classmethod
    def of(cls, expression: Tensor, pose: Tensor) -> Clip:
        """A clip with the paper's importance weights (eq. 13)."""
        return cls(expression, pose, importance(expression, pose))

    def to(self, device: torch.device | str) -> Clip:
        """The same clip on another device."""
        return Clip(self.expression.to(device), self.pose.to(device), self.weight.to(device))

    def params(self, subject: Subject, frames: Frames) -> HeadParams:
        """The subject's head in these frames."""
        person, count = subject.params, len(frames)
        moved = person.displacement
        return HeadParams(
            person.shape.expand(count, -1),
            self.expression[frames],
            self.pose[frames],
            None if moved is None else moved.expand(count, -1, -1),
        )

    def __len__(self) -> int:
        return len(self.pose)


@dataclass
class Animation:
    """The code w (1, L, w_dim) of a head, and the mapper that moves it through a clip.

    extra: difference (1, 3, R, R) added to the generator's texture in every frame; dynamic:
    whether the mapper sees the frames; else one texture serves all; interrupted: Ctrl-C ended its
    optimisation.
    """

    w: Tensor
    mapper: MotionMapper
    clip: Clip
    extra: Tensor
    dynamic: bool = True
    interrupted: bool = False

    @classmethod
    @torch.no_grad()
    def of(
        cls,
        subject: Subject,
        generator: Generator,
        mapper: MotionMapper,
        clip: Clip,
        dynamic: bool = True,
    ) -> Animation:
        """A mapper applied to a head; at rest the texture is the head's own."""
        extra = subject.texture - generator.synthesis(subject.w).clamp(-1, 1)
        return cls(subject.w, mapper, clip, extra, dynamic)

    def codes(self, frames: Frames) -> Tensor:
        """w_t = w_init + i_t w_delta,t (B, L, w_dim) of these frames, differentiable; eq. 12."""
        expression, pose = self.clip.expression[frames], self.clip.pose[frames]
        weight = self.clip.weight[frames]
        if not self.dynamic:
            expression, pose = torch.zeros_like(expression), torch.zeros_like(pose)
            weight = torch.ones_like(weight)
        w = self.w.expand(len(frames), -1, -1)
        return w + weight[:, None, None] * self.mapper(w, expression, pose)

    @torch.no_grad()
    def offset(self) -> Tensor:
        """The change (L, w_dim) of the code for a static texture."""
        return (self.codes([0]) - self.w)[0]

    @torch.no_grad()
    def texture(self, generator: Generator, frame: int) -> Tensor:
        """Texture (1, 3, R, R) of one frame."""
        return generator.synthesis(self.codes([frame])) + self.extra


def animate(
    models: EditModels,
    stage: Stage,
    subject: Subject,
    clip: Clip,
    settings: AnimateSettings,
    static: Animation | None = None,
    dynamic: bool = True,
    callback: Callback | None = None,
) -> Animation:
    """Optimise a mapper so that the head, moved by the clip, matches the stage's prompt.

    Not `dynamic`, one texture serves all frames. With `static`, the result of such an optimisation,
    the texture starts from it. Frames are rendered a few at a time: memory does not grow with the
    clip. After Ctrl-C the result is the best so far.
    """
    return Animating(models, stage, subject, clip, settings, static, dynamic).run(callback)


class Animating:
    """The optimisation of one animation's mapper; eq. 14."""

    def __init__(
        self,
        models: EditModels,
        stage: Stage,
        subject: Subject,
        clip: Clip,
        settings: AnimateSettings,
        static: Animation | None = None,
        dynamic: bool = True,
    ) -> None:
        self.models, self.stage, self.subject, self.clip = models, stage, subject, clip
        self.settings, self.objective = settings, Objective(models, settings.edit)
        self._weight = clip.weight.cpu()
        generator = models.generator
        torch.manual_seed(settings.seed)
        mapper = MotionMapper(
            generator.num_ws,
            generator.w_dim,
            clip.expression.shape[1],
            head_rotation=settings.head_rotation,
        ).to(subject.w)
        if settings.centered_inputs:
            mapper.center_on(subject.w, mapper.state(clip.expression, clip.pose), clip.weight)
        mapper.pretrain_zero()
        if static is not None:
            mapper.begin_at(static.offset())
        elif settings.edit.initialization:
            mapper.begin_at(stage.start.w_offset)
        regions = [stage.regions]
        self.composition = TextureComposition(
            generator, models.head, [subject], regions, settings.edit
        )
        self.made = Animation.of(subject, generator, mapper, clip, dynamic)
        self.whole = StageBatch.of(models, settings.edit, [stage])

    def run(self, callback: Callback | None) -> Animation:
        """Optimise for all steps."""
        settings, made = self.settings, self.made
        drawn: list[float] = []
        sampler = ViewSampler(settings.edit, _streams(settings, drawn), self.models.device)
        rate = settings.edit.texture_rate
        optimizer = Adam([{"params": made.mapper.parameters(), "lr": rate}])
        try:
            for step in range(settings.edit.steps):
                done = descend(optimizer, self._evaluations(drawn[step], sampler[step]))
                if callback:
                    similarity = torch.cat([part.similarity for part in done]).mean()
                    callback(step + 1, settings.edit.steps, similarity)
        except KeyboardInterrupt:
            made.interrupted = True
        return made

    def _evaluations(self, place: float, views: Views) -> Iterator[Evaluation]:
        """Evaluations of a step's frames, a few at a time."""
        count, device = self.settings.frames, self.models.device
        if count is None:
            for frames in torch.arange(len(self.clip), device=device).split(self.settings.chunk):
                yield self._evaluate(frames, views)  # eq. 14 is a sum
            return
        chosen = torch.tensor(drawn_frames(self._weight, count, place), device=device)
        for frames in chosen.split(self.settings.chunk):
            evaluation = self._evaluate(frames, views)
            yield replace(evaluation, loss=evaluation.loss / count)

    def _evaluate(self, frames: Tensor, views: Views) -> Evaluation:
        clip, count = self.clip, len(frames)
        params = clip.params(self.subject, frames)
        start = self.composition.initial.expand(count, -1, -1, -1)
        initial = Heads(params, self.subject.w, start)
        before = self.reference(initial, views)
        w = self.made.codes(frames)
        edited = Heads(params, w, self.composition.seen(w))
        stages = self._asked(clip.weight[frames])
        return self.objective.evaluate(stages, initial, edited, views, before)

    def _asked(self, weight: Tensor) -> StageBatch:
        """Target directions and starts of B frames with importance weights (B,) in 0..1.

        With `importance_target`, an addition, the part of the direction that is about appearance
        is scaled by the weight; the part about expression is the same for all frames.
        """
        whole, count = self.whole, len(weight)
        share = torch.ones_like(weight)[:, None]
        if self.settings.importance_target and self.made.dynamic:
            share = (weight + (1 - weight) * self.stage.start.expression_weight)[:, None]
        return StageBatch(
            share * whole.direction,
            whole.text.expand(count, -1),
            share[:, None] * whole.w_offset,
            whole.expression_offset.expand(count, -1),
            whole.appearance_weight.expand(count),
            whole.expressive.expand(count),
        )

    @torch.no_grad()
    def reference(self, initial: Heads, views: Views) -> Tensor:
        """Embeddings (B, V, D) from which frames should move toward the prompt; eq. 6.

        These are the frames with the original texture. With `resting_reference`, an addition, an
        expression is in the motion already: as far as the prompt is one, they are the head at rest,
        turned as in the frame, and the texture has only to add what the motion leaves open.
        """
        moving = self.objective.embed(initial, views)
        share = self.stage.start.expression_weight
        if not (share and self.settings.resting_reference):
            return moving
        params, calm = initial.params, initial.params.pose.clone()
        calm[:, 3:] = 0
        rest = self.subject.params.expression.expand_as(params.expression)
        resting = HeadParams(params.shape, rest, calm, params.displacement)
        return moving.lerp(self.objective.embed(replace(initial, params=resting), views), share)

    @torch.no_grad()
    def similarities(self) -> Tensor:
        """Directional similarity (T,) of every frame, seen from the front."""
        front, found = fixed_views(FRONT, self.models.device), []
        for frame in range(len(self.clip)):
            params = self.clip.params(self.subject, [frame])
            initial = Heads(params, self.subject.w, self.subject.texture)
            texture = self.made.texture(self.models.generator, frame)
            after = self.objective.embed(Heads(params, self.subject.w, texture), front)
            before = self.reference(initial, front)
            found.append(self.objective.similarity(self.whole, after, before))
        return torch.cat(found)


def _streams(settings: AnimateSettings, drawn: list[float]) -> Iterator[random.Random]:
    """One stream a step; its first number selects the frames."""
    stream = random.Random(settings.seed)
    for _ in range(settings.edit.steps):
        drawn.append(stream.random())
        yield stream


def drawn_frames(weight: Tensor, count: int, place: float) -> list[int]:
    """Frames by their weights (T,), `count` of them spread over the clip; place in 0..1."""
    ends = weight.cumsum(0) / weight.sum() * count
    places = torch.arange(count, device=weight.device) + min(place, 1 - 1e-4)
    return torch.searchsorted(ends, places, right=True).clamp_max(len(weight) - 1).tolist()
