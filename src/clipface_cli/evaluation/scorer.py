"""Scores of edited heads, all from the same renders: CLIP score, identity, image features."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from clipface_cli.avatar import Subject
from clipface_cli.edit.objective import directional_loss, image_direction, text_direction
from clipface_cli.guidance import Guidance
from clipface_cli.guidance.prompts import target_sentence
from clipface_cli.head import HeadModel
from clipface_cli.metrics import (
    Features,
    Identity,
    clip_score,
    load_features,
    load_identity,
    scoring_models,
)
from clipface_cli.render import Camera, Renderer

YAWS = (-25.0, -12.0, 0.0, 12.0, 25.0)  # degrees
RESOLUTION = 512  # pixels, as the paper renders for its tables


@dataclass(frozen=True)
class Scores:
    """clip_score: mean cosine of prompt and renders · direction: cosine of the directions of the
    renders' change and of the prompt's, as in eq. 7 · identity: mean cosine of embeddings before
    and after · features (V, D) of the renders after.
    """

    clip_score: float
    direction: float
    identity: float
    features: Tensor


class Scorer:
    """Renders heads from fixed views and scores them with models that did not guide the edit."""

    def __init__(
        self, head: HeadModel, features: Features, models: list[Guidance], identity: Identity
    ) -> None:
        """models: of the CLIP score and the direction; all lie where the head is."""
        self.head, self.features, self.models, self.identity = head, features, models, identity
        self.renderer = Renderer(head, RESOLUTION)
        self._before: tuple[Subject, Tensor] | None = None

    @classmethod
    def load(
        cls,
        head: HeadModel,
        guide: str,
        features: str | None = None,
        identity: Path | None = None,
    ) -> Scorer:
        """With what is imported, else the embedded evaluator; head: where to compute.

        guide: name of the model that guides the edits; features: name of those that FID compares;
        identity: an ArcFace network. Raises InputError where no model but the guide is there.
        """
        place = head.template.device
        return cls(
            head,
            load_features(features, place),
            scoring_models(guide, place),
            load_identity(identity, place),
        )

    @torch.no_grad()
    def images(self, person: Subject) -> Tensor:
        """Unlit renders (V, 3, R, R) in [-1, 1] on white."""
        camera = Camera.turned(list(YAWS), device=person.texture.device)
        vertices = self.head.pose_head(person.params) - self.head.origin
        image, _ = self.renderer(vertices.repeat(len(YAWS), 1, 1), person.texture, camera)
        return image

    @torch.no_grad()
    def score(self, before: Subject, after: Subject, prompt: str) -> Scores:
        """Of one edit."""
        if self._before is None or self._before[0] is not before:
            self._before = before, self.images(before)
        old, new = self._before[1], self.images(after)
        return Scores(
            clip_score(new, prompt, self.models),
            sum(_direction(model, old, new, prompt) for model in self.models) / len(self.models),
            float(self.identity(old, new).mean()),
            self.features(new).float().cpu(),
        )


def _direction(model: Guidance, before: Tensor, after: Tensor, prompt: str) -> float:
    """Mean cosine of eq. 7 over the views; 0 where nothing changes."""
    change = image_direction(model.encode_image(after), model.encode_image(before))
    target = text_direction(model, target_sentence(prompt))
    return float((1 - directional_loss(change, target)).mean())
