"""Head model, generator and guidance together: renders as it sees them, and its judgement."""

from __future__ import annotations

import random
from dataclasses import dataclass
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor

from clipface_cli.assets import builtin
from clipface_cli.edit.crowd import Crowd
from clipface_cli.edit.prompt_mapper import FILE, PromptMapper
from clipface_cli.edit.settings import DEFAULT, Aim
from clipface_cli.errors import InputError
from clipface_cli.guidance import (
    Guidance,
    directional_loss,
    ensemble_direction,
    expression_prior,
    text_direction,
)
from clipface_cli.head import HeadModel, HeadParams
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import Generator

VIEWS = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees of yaw that the guidance sees
FRONT = VIEWS.index(0.0)
FLOOR = 0.5  # image directions shorter than this share of the text's count as this long
_BLIND_FLOOR = 0.1  # the same for a guidance that is not calibrated
# Most that an augmented shot zooms in, moves (metres) and brightens.
_CLOSER, _SHIFT, _GAIN = 0.25, 0.012, 0.12


@dataclass(frozen=True)
class Shots:
    """Views of a head: a camera for each, and how bright its picture is (V, 1, 1, 1)."""

    camera: Camera
    gain: Tensor

    @classmethod
    def plain(cls, views: list[int]) -> Shots:
        """These of VIEWS."""
        return cls(Camera.turned([VIEWS[k] for k in views]), torch.ones(len(views), 1, 1, 1))

    @classmethod
    def drawn(cls, count: int, chance: random.Random) -> Shots:
        """Random small yaws, crops and brightness, so that no single pixel grid can be fooled."""
        camera = Camera.turned([chance.uniform(VIEWS[0], VIEWS[-1]) for _ in range(count)])
        params = camera.params.clone()
        for row in params:
            row[0] *= 1 + chance.uniform(0, _CLOSER)
            row[1:] += torch.tensor([chance.uniform(-_SHIFT, _SHIFT) for _ in range(2)])
        gain = torch.tensor([1 + chance.uniform(-_GAIN, _GAIN) for _ in range(count)])
        return cls(Camera(params, camera.yaw, camera.pitch, camera.pivot), gain.view(-1, 1, 1, 1))

    def __len__(self) -> int:
        return len(self.gain)


@dataclass(frozen=True)
class Goal:
    """What B edits aim at: see `Target`, stacked."""

    wanted: Tensor  # (B, D)
    texts: Tensor  # (B, D)
    offset: Tensor  # (B, w_dim)
    mood: Tensor  # (B, E)
    looky: Tensor  # (B,)
    expressive: Tensor  # (B,) 1 where the expression may change, 0 where it stays


@dataclass(frozen=True)
class Change:
    """What B edits did: embeddings (B, V, D) before and after, and the changes that cost."""

    before: Tensor
    after: Tensor
    w: Tensor  # (B, L, w_dim)
    expression: Tensor  # (B, E)
    texture: Tensor  # (B, 3, R, R)


class Scene:
    """Renders heads for the guidance and compares their change with a prompt's direction."""

    def __init__(
        self,
        head: HeadModel,
        generator: Generator,
        guidance: Guidance,
        aim: Aim = DEFAULT.aim,
        mapper: PromptMapper | None = None,
    ) -> None:
        """mapper: where edits start; InputError where it is not for these networks."""
        self.head, self.generator, self.guidance, self.aim = head, generator, guidance, aim
        self.mapper = mapper
        if mapper is not None and not mapper.fits(self):
            raise InputError(
                "This mapper was trained for another head, generator or guidance than these."
            )
        self.renderer = Renderer(head, aim.resolution)
        self.augments = not guidance.calibrated if aim.augment is None else aim.augment

    @cached_property
    def crowd(self) -> Crowd:
        """Random people as the guidance sees them."""
        return Crowd.of(self.head, self.generator, self.guidance)

    @cached_property
    def embedded_mapper(self) -> PromptMapper | None:
        """The package's own where it was made for these networks."""
        mapper = PromptMapper.load(builtin(FILE))
        return mapper if mapper.fits(self) else None

    @torch.no_grad()
    def direction(self, prompt: str) -> Tensor:
        """Text direction (1, D) of a prompt."""
        describe = text_direction if self.guidance.calibrated else ensemble_direction
        return describe(self.guidance, prompt)

    def look(self, params: HeadParams, texture: Tensor, expression: Tensor, shots: Shots) -> Tensor:
        """Embeddings (B, V, D) of B textured heads (B, 3, R, R) with expressions (B, E)."""
        count, views = len(expression), len(shots)
        vertices = self.head.pose_head(params.with_expression(expression)) - self.head.origin
        camera, gain = _repeated(shots, count)
        image, _ = self.renderer(
            vertices.repeat_interleave(views, 0), texture.repeat_interleave(views, 0), camera
        )
        if self.augments:
            image = (image + 1) * gain - 1
        seen = self.guidance.encode_image(image)
        if not self.guidance.calibrated:
            seen = F.normalize(seen, dim=1)
        return seen.unflatten(0, (count, views))

    def similarity(self, goal: Goal, before: Tensor, after: Tensor) -> Tensor:
        """Cosine of equation 7 averaged over the views (B,)."""
        moved = (after - before).flatten(0, 1)
        wanted = goal.wanted.repeat_interleave(before.shape[1], 0)
        cosine = 1 - directional_loss(moved, wanted)
        return cosine.view(before.shape[:2]).mean(1)

    def loss(self, goal: Goal, change: Change) -> Tensor:
        """Loss of each edit (B,): equation 9 and what `Aim` adds to it.

        The directional loss does not care how far an edit goes: `length` asks for a visible
        change. The code prior keeps the change of the code near the offset at which people with
        the prompt's look lie, the expression prior near the mood's expression: farther off, a wink
        or a crooked mouth can please the guidance as well. Moods change textures little.
        """
        aim, moved = self.aim, change.after - change.before
        wanted = goal.wanted[:, None].expand_as(moved)
        length = goal.wanted.norm(dim=1).clamp_min(1e-8)
        share = FLOOR if self.guidance.calibrated else _BLIND_FLOOR
        cosine = (moved * wanted).sum(2) / (
            length[:, None] * torch.maximum(moved.norm(dim=2), share * length[:, None])
        )
        loss = aim.directional * (1 - cosine).mean(1)
        if aim.length and self.guidance.calibrated:
            along = (moved * wanted).sum(2) / length[:, None].square()
            loss = loss + aim.length * (1 - along).clamp_min(0).mean(1)
        if aim.overall:
            alike = F.cosine_similarity(change.after, goal.texts[:, None], dim=2)
            loss = loss + aim.overall * (1 - alike).mean(1)
        loss = loss + aim.prior * expression_prior(change.expression - goal.mood)
        if aim.code_prior:
            stiff = 1 + aim.separation * (1 - goal.looky)
            strayed = self.crowd.distance(change.w - goal.offset[:, None])
            loss = loss + stiff * aim.code_prior * strayed
        if aim.identity:
            kept = self.crowd.distance(change.w) + change.texture.square().flatten(1).mean(1)
            loss = loss + aim.identity * kept
        return loss


def _repeated(shots: Shots, count: int) -> tuple[Camera, Tensor]:
    """The shots once for every head."""
    camera = shots.camera
    yaw, pitch = (None if t is None else t.repeat(count) for t in (camera.yaw, camera.pitch))
    repeated = Camera(camera.params.repeat(count, 1), yaw, pitch, camera.pivot)
    return repeated, shots.gain.repeat(count, 1, 1, 1)
