"""Textures that change with the expression of a sequence (paper section 3.3, equations 10-14)."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import torch
from torch import Tensor, nn

from clipface_cli.edit.mappers import LR_MULTIPLIER, LevelLayer
from clipface_cli.edit.painting import Easel
from clipface_cli.edit.scene import FRONT, VIEWS, Change, Goal, Scene, Shots
from clipface_cli.edit.settings import Aim, EditSettings
from clipface_cli.edit.subject import Subject
from clipface_cli.edit.target import Target, goal
from clipface_cli.errors import InputError
from clipface_cli.head import HeadParams
from clipface_cli.texture import (
    GAIN,
    SLOPE,
    Generator,
    load_state,
    locate,
    normalize_second_moment,
    save_state,
)

Progress = Callable[[int, int, float], None]
"""Called after every step with (step, steps, directional similarity)."""

JUDGED = EditSettings(aim=Aim(reach=1.0))  # how strong a mood is, the motion says
POSE = 6  # numbers of a pose: global rotation, jaw
LAYERS = 4
MAPPER_FILE = "motion_mapper.safetensors"
STILL = 1e-4  # a sequence whose deviations differ by less does not move


def importance(expression: Tensor, pose: Tensor) -> Tensor:
    """Weights (T,) in 0..1 of frames by how far they are from neutral (equation 13).

    expression (T, E); pose (T, 6) radians. Neutral keeps each frame's own turn of the head, for
    that is no expression. A sequence that does not move has weights of one.
    """
    apart = torch.cat([expression, pose[:, 3:]], 1).norm(dim=1)
    span = apart.max() - apart.min()
    if span < STILL:
        return torch.ones_like(apart)
    return (apart - apart.min()) / span


class MotionMapper(nn.Module):
    """[w; ψ_t; θ_t] to offsets of w, one MLP a level, shared over time (equations 10 and 11)."""

    format = "clipface-motion-mapper"

    def __init__(self, levels: int, w_dim: int = 512, expression: int = 50) -> None:
        super().__init__()
        sizes = [w_dim + expression + POSE, *[w_dim] * LAYERS]
        self.layers = nn.ModuleList(LevelLayer(levels, a, b) for a, b in pairwise(sizes))
        self.levels, self.w_dim, self.expression = levels, w_dim, expression

    def forward(self, w: Tensor, expression: Tensor, pose: Tensor) -> Tensor:
        """Offsets (B, L, w_dim) for w (B, L, w_dim), expression (B, E) and pose (B, 6).

        The turn of the head is taken out of the pose, so that it does not change the skin.
        """
        state = _state(expression, pose)[:, None].expand(-1, w.shape[1], -1)
        x = normalize_second_moment(torch.cat([w, state], 2)).transpose(0, 1)
        for layer in self.layers:
            x = layer(x)
        return x.transpose(0, 1)

    @torch.no_grad()
    def begin_at(self, offset: Tensor) -> None:
        """Predict `offset`, (w_dim,) or (L, w_dim), for every frame: zero pre-training, a start."""
        weight, bias = self.layers[-1].parameters()
        weight.zero_()
        start = torch.where(offset > 0, offset, offset / SLOPE) / (GAIN * LR_MULTIPLIER)
        bias.copy_(start.expand_as(bias))

    @torch.no_grad()
    def tell_apart(self, w: Tensor, clip: Clip) -> None:
        """Fresh weights that see the clip's motion as strongly as the code w (1, L, w_dim).

        The states of a clip's frames are much alike, so their mean is taken out (by the first
        layer's bias) and what is left enlarged; else an offset is soon learned for all frames, but
        only slowly for one.
        """
        state, weight = _state(clip.expression, clip.pose), clip.weight[:, None] / clip.weight.sum()
        mean = (weight * state).sum(0)
        spread = (weight * (state - mean).square()).sum().sqrt()
        if spread < STILL:
            return
        weights, bias = self.layers[0].parameters()
        seen = weights[:, :, self.w_dim :]
        seen *= w.norm(dim=2).mean() / spread
        inputs = torch.cat([w[0], mean.expand(self.levels, -1)], 1)
        bias.copy_(-(seen @ mean) / inputs.norm(dim=1, keepdim=True))

    def save(self, path: Path, **provenance: str) -> None:
        """Write weights as safetensors, in 8 bits: no texel changes by half a level."""
        save_state(path, self.format, self.state_dict(), torch.int8, provenance)

    @classmethod
    def load(cls, path: str | Path) -> MotionMapper:
        """Read what `save` wrote, a file or the folder it is in; InputError for other files."""
        state = load_state(locate(path, MAPPER_FILE))
        try:
            levels, w_dim, inputs = state["layers.0.weight"].shape
            mapper = cls(levels, w_dim, inputs - w_dim - POSE)
            mapper.load_state_dict(state)
        except (KeyError, ValueError, RuntimeError) as error:
            raise InputError(
                f"{path} holds no mapper for sequences; `clipface animate` writes one."
            ) from error
        return mapper.eval()


def _state(expression: Tensor, pose: Tensor) -> Tensor:
    """[ψ; θ] (B, E + 6) without the turn of the head."""
    return torch.cat([expression, torch.zeros_like(pose[:, :3]), pose[:, 3:]], 1)


@dataclass(frozen=True)
class Clip:
    """expression (T, E), pose (T, 6) radians and importance (T,) of a sequence's frames."""

    expression: Tensor
    pose: Tensor
    weight: Tensor

    @classmethod
    def of(cls, expression: Tensor, pose: Tensor) -> Clip:
        """With the paper's importance weights."""
        return cls(expression, pose, importance(expression, pose))

    def params(self, subject: Subject, frames: list[int]) -> HeadParams:
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


@dataclass(frozen=True)
class AnimateSettings:
    """How to optimise the mapper."""

    steps: int = 60
    frames: int = 4  # frames a step
    views: int = 2  # renders of each
    rate: float = 5e-2
    seed: int = 0


@dataclass
class Animation:
    """The code w (1, L, w_dim) of a head, and the mapper that moves it through a clip.

    extra: what is painted over the generator's texture (1, 3, R, R) in every frame; dynamic:
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

    def codes(self, frames: list[int]) -> Tensor:
        """w_t (B, L, w_dim) of these frames (equation 12), differentiable."""
        expression, pose = self.clip.expression[frames], self.clip.pose[frames]
        if not self.dynamic:
            expression, pose = torch.zeros_like(expression), torch.zeros_like(pose)
        w = self.w.expand(len(frames), -1, -1)
        weight = self.clip.weight[frames] if self.dynamic else torch.ones(len(frames))
        return w + weight[:, None, None] * self.mapper(w, expression, pose)

    @torch.no_grad()
    def offset(self) -> Tensor:
        """Of a static texture: the change (L, w_dim) of the code."""
        return (self.codes([0]) - self.w)[0]

    @torch.no_grad()
    def texture(self, generator: Generator, frame: int) -> Tensor:
        """Texture (1, 3, R, R) of one frame."""
        return generator.synthesis(self.codes([frame])) + self.extra


def animate(
    scene: Scene,
    target: Target,
    subject: Subject,
    clip: Clip,
    settings: AnimateSettings = AnimateSettings(),
    static: Animation | None = None,
    progress: Progress | None = None,
) -> Animation:
    """Optimise a mapper until the head, moved as the clip says, looks like the target's prompt.

    Without `static` one texture serves all frames. With it, what such an optimisation found, the
    texture begins there and follows the frames. A few frames are rendered a step, drawn by their
    importance: memory does not grow with the clip. Ctrl-C ends it with what it has.
    """
    dynamic = static is not None
    generator, count = scene.generator, settings.frames
    torch.manual_seed(settings.seed)
    mapper = MotionMapper(generator.num_ws, generator.w_dim, clip.expression.shape[1])
    mapper.tell_apart(subject.w, clip)
    mapper.begin_at(target.offset if static is None else static.offset())
    easel = Easel(generator, scene.head, [subject], [target], scene.aim.resolution)
    made = Animation.of(subject, generator, mapper, clip, dynamic)
    optimizer = torch.optim.Adam(mapper.parameters(), settings.rate)
    chance = random.Random(settings.seed)
    whole = goal(scene, [target] * count)
    start = easel.coarse.expand(count, -1, -1, -1)
    try:
        for step in range(settings.steps):
            frames = drawn(clip.weight, count, chance.random())
            params, expression = clip.params(subject, frames), clip.expression[frames]
            shots = Shots.plain(chance.sample(range(len(VIEWS)), settings.views))
            before = compared_with(scene, target, subject, params, start, shots)
            w = made.codes(frames)
            textures = easel.sketch(w)
            after = scene.look(params, textures, expression, shots)
            wanted = _asked(whole, clip.weight[frames], target.moody) if dynamic else whole
            change = Change(
                before, after, w - subject.w, torch.zeros_like(expression), textures - start
            )
            loss = scene.loss(wanted, change).mean()
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            if progress:
                similarity = scene.similarity(wanted, before, after.detach())
                progress(step + 1, settings.steps, float(similarity.mean()))
    except KeyboardInterrupt:
        made.interrupted = True
    return made


def drawn(weight: Tensor, count: int, chance: float) -> list[int]:
    """Frames by their weights (T,), `count` of them spread over the clip; chance in 0..1."""
    ends = weight.cumsum(0) / weight.sum() * count
    places = torch.arange(count) + min(chance, 1 - 1e-4)
    return torch.searchsorted(ends, places, right=True).clamp_max(len(weight) - 1).tolist()


def _asked(whole: Goal, weight: Tensor, moody: float) -> Goal:
    """What is asked of frames with these weights (B,): a look comes and goes with the importance.

    A mood is asked in full of all: the motion has more of it in the frames that count more.
    """
    share = (weight + (1 - weight) * moody)[:, None]
    return replace(whole, wanted=share * whole.wanted, offset=share * whole.offset)


@torch.no_grad()
def compared_with(
    scene: Scene,
    target: Target,
    subject: Subject,
    params: HeadParams,
    texture: Tensor,
    shots: Shots,
) -> Tensor:
    """Embeddings (B, V, D) from which frames should move toward the prompt (equation 6).

    These are the frames with the original texture (B, 3, R, R). A mood is in the motion already,
    though: as far as the prompt is one, they are the head at rest, turned as in the frame, and the
    texture has only to add what the motion leaves open.
    """
    moving = scene.look(params, texture, params.expression, shots)
    if not target.moody:
        return moving
    calm = params.pose.clone()
    calm[:, 3:] = 0
    rest = subject.params.expression.expand_as(params.expression)
    resting = HeadParams(params.shape, rest, calm, params.displacement)
    return moving.lerp(scene.look(resting, texture, rest, shots), target.moody)


@torch.no_grad()
def frame_similarity(made: Animation, scene: Scene, target: Target, subject: Subject) -> Tensor:
    """Directional similarity (T,) of every frame, seen from the front."""
    front = Shots.plain([FRONT])
    wanted, clip, found = goal(scene, [target]), made.clip, []
    for frame in range(len(clip)):
        params, expression = clip.params(subject, [frame]), clip.expression[[frame]]
        before = compared_with(scene, target, subject, params, subject.texture, front)
        after = scene.look(params, made.texture(scene.generator, frame), expression, front)
        found.append(scene.similarity(wanted, before, after))
    return torch.cat(found)


def keyed(signatures: Tensor, difference: float, most: int) -> list[int]:
    """Group (T,) of each frame: neighbours whose textures differ little show one picture.

    signatures (T, D): small versions of the textures; a new group begins where the mean absolute
    difference from its first frame exceeds `difference`, which grows until `most` groups are left.
    """
    while True:
        groups, first = [0], signatures[0]
        for signature in signatures[1:]:
            if (signature - first).abs().mean() > difference:
                groups.append(groups[-1] + 1)
                first = signature
            else:
                groups.append(groups[-1])
        if groups[-1] < most:
            return groups
        difference *= 1.5
