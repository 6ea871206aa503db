"""The optimisation of eq. 2, which edits, animations and mapper training share.

Codes and expressions of some mappers -> textures and meshes -> renders -> loss -> Adam. The paper's
loss is in objective.py, the additions of preset `default` in additions.py; here they are weighted
and summed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

from torch import Tensor

from clipface_cli.edit.additions import (
    calibrated_direction,
    expression_norm,
    floored_directional_loss,
    identity_loss,
    length_loss,
    plain_similarity_loss,
)
from clipface_cli.edit.models import EditModels
from clipface_cli.edit.objective import (
    directional_loss,
    expression_prior,
    image_direction,
    total_loss,
)
from clipface_cli.edit.presets import EditSettings
from clipface_cli.edit.stages import StageBatch
from clipface_cli.edit.views import Views
from clipface_cli.head import HeadModel, HeadParams


@dataclass(frozen=True)
class Heads:
    """B heads: parameters, codes w (B, L, w_dim), and textures (B, 3, R, R) as the guidance sees
    them."""

    params: HeadParams
    w: Tensor
    texture: Tensor


@dataclass(frozen=True)
class Evaluation:
    """loss (B,), differentiable; similarity (B,): cosine of image and text direction, mean over
    the views."""

    loss: Tensor
    similarity: Tensor


class Objective:
    """Loss of edited heads from their renders, with the settings' weights."""

    def __init__(self, models: EditModels, settings: EditSettings) -> None:
        self.models, self.settings = models, settings

    def embed(self, heads: Heads, views: Views) -> Tensor:
        """Embeddings (B, V, D) of heads."""
        params, resolution = heads.params, self.settings.resolution
        return self.models.embed(params, heads.texture, params.expression, views, resolution)

    def evaluate(
        self, stages: StageBatch, initial: Heads, edited: Heads, views: Views, before: Tensor
    ) -> Evaluation:
        """Loss and similarity of edited heads; before (B, V, D): embeddings of the initial ones."""
        after = self.embed(edited, views)
        moved = self._direction(after, before)
        wanted = stages.direction[:, None].expand_as(moved)
        loss = total_loss(
            self._clip_loss(stages, moved, wanted, after),
            self._regularizer(stages, initial, edited),
            self.settings.regularizer_weight,
        )
        loss = self._with_priors(loss, stages, initial, edited)
        return Evaluation(loss, self.similarity(stages, after.detach(), before))

    def similarity(self, stages: StageBatch, after: Tensor, before: Tensor) -> Tensor:
        """Cosine of image and text direction (B,), mean over the views, of embeddings (B, V, D)."""
        moved = self._direction(after, before)
        return (1 - directional_loss(moved, stages.direction[:, None])).mean(1)

    def _direction(self, after: Tensor, before: Tensor) -> Tensor:
        """Eq. 6, or the difference as it is where embeddings keep their lengths (B, V, D)."""
        if self.settings.normalized:
            return image_direction(after, before)
        return calibrated_direction(after, before)

    def _clip_loss(
        self, stages: StageBatch, moved: Tensor, wanted: Tensor, after: Tensor
    ) -> Tensor:
        """The directional loss, mean over the views, and what the settings add to it (B,)."""
        settings = self.settings
        if settings.direction_floor:
            directional = floored_directional_loss(moved, wanted, settings.direction_floor)
        else:
            directional = directional_loss(moved, wanted)
        loss = settings.directional * directional.mean(1)
        if settings.length:
            loss = loss + settings.length * length_loss(moved, wanted).mean(1)
        if settings.plain_similarity:
            plain = plain_similarity_loss(after, stages.text[:, None].expand_as(after))
            loss = loss + settings.plain_similarity * plain.mean(1)
        return loss

    def _regularizer(self, stages: StageBatch, initial: Heads, edited: Heads) -> Tensor:
        """Eq. 8, or what the settings have in its place (B,)."""
        psi = edited.params.expression
        if self.settings.expression_target:
            psi = psi - initial.params.expression - stages.expression_offset
        return (
            expression_norm(psi) if self.settings.regularizer == "norm" else expression_prior(psi)
        )

    def _with_priors(
        self, loss: Tensor, stages: StageBatch, initial: Heads, edited: Heads
    ) -> Tensor:
        """The loss plus priors (B,): distance from the planned offset and from the person."""
        settings, change = self.settings, edited.w - initial.w
        if settings.code_prior:
            prior = self.models.code_prior
            stiffness = 1 + settings.texture_stiffness * (1 - stages.appearance_weight)
            strayed = prior.distance(change - stages.w_offset)
            loss = loss + stiffness * settings.code_prior * strayed
        if settings.identity:
            distance = self.models.code_prior.distance(change)
            kept = identity_loss(distance, edited.texture - initial.texture)
            loss = loss + settings.identity * kept
        return loss


class Optimizer(Protocol):
    """`Adam`, or one of PyTorch's."""

    def zero_grad(self) -> None: ...

    def step(self) -> object: ...


def descend(
    optimizer: Optimizer,
    evaluations: Iterable[Evaluation],
    average: Callable[[], None] | None = None,
) -> list[Evaluation]:
    """One step of Adam on the sum of the evaluations' losses.

    Each is differentiated before the next is computed, so memory does not grow with their number.
    average: brings the gradients of several processes together.
    """
    optimizer.zero_grad()
    done = []
    for evaluation in evaluations:
        evaluation.loss.sum().backward()
        done.append(Evaluation(evaluation.loss.detach(), evaluation.similarity))
    if average:
        average()
    optimizer.step()
    return done


def limited_motion(head: HeadModel, change: Tensor, most: float) -> Tensor:
    """Changes of expression (B, E), each scaled down until no vertex moves more than `most` metres.

    An addition (`motion_limit`); 0 leaves them as they are.
    """
    if not most:
        return change
    moved = (change @ head.basis[head.shape_size :]).unflatten(1, (3, -1))  # planes x, y, z
    furthest = moved.square().sum(1).amax(1, keepdim=True).clamp_min(most**2).sqrt()
    return change * (most / furthest)
