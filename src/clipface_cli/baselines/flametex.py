"""FlameTex (Feng 2019): coefficients of a linear texture model (eq. 23-26)."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from clipface_cli.baselines.clip_loss import cosines, draw, embed_text, target, uniform
from clipface_cli.baselines.optimize import Clock, optimize
from clipface_cli.baselines.painted_texture import painted_texture
from clipface_cli.baselines.protocol import (
    BaselineResult,
    Budget,
    Callback,
    TexturedHead,
    settings_of,
)
from clipface_cli.errors import InputError
from clipface_cli.guidance import Guidance
from clipface_cli.head import HeadModel
from clipface_cli.render import Camera, Renderer
from clipface_cli.texture import LinearTexture

NOTES = (
    (
        "As in the paper the texture starts from the model's mean person; the head's own texture "
        "plays no part, its shape and expression stay."
    ),
)
PAINTED = "The linear model is fitted to painted people, since FLAME's texture space is licensed."


@dataclass(frozen=True)
class FlameTex:
    """Its settings; from FLAME's published photometric fitting unless said otherwise.

    model: the linear texture; None for the one of the head's layout, FLAME's texture space
    (imported) or the embedded one.
    """

    steps: int = 5000  # of the paper's texture edits (sec. 4)
    rate: float = 0.005  # of Adam
    norm_weight: float = 5e-5  # λ_L2 of eq. 23; published as 1e-4 of half the squared norm
    views: int = 1  # renders a step, as the paper's own method has
    yaw: float = 25.0  # degrees, either way, drawn uniformly, as the paper's own method has
    resolution: int = 512  # pixels of a render, as the paper's own method has
    model: LinearTexture | None = None

    def __call__(
        self,
        start: TexturedHead,
        prompt: str,
        guidance: Guidance,
        budget: Budget,
        seed: int = 0,
        callback: Callback | None = None,
    ) -> BaselineResult:
        """Move the mean person's coefficients towards the prompt."""
        clock, random = Clock(budget), torch.Generator().manual_seed(seed)
        sentence = target(prompt)
        text, vertices = embed_text(guidance, [sentence]), start.vertices()
        renderer = Renderer(start.head, self.resolution)
        model = (self.model or linear_texture(start.head)).to(start.device)
        coefficients = torch.zeros(1, model.components, device=start.device, requires_grad=True)

        def loss() -> Tensor:
            camera = Camera.turned(uniform(random, self.views, self.yaw), device=start.device)
            images = draw(renderer, vertices, model(coefficients), camera)
            embedded = guidance.encode_image(images)
            return total_loss(embedded, text, coefficients, self.norm_weight)

        def head() -> TexturedHead:
            return replace(start, texture=model(coefficients).detach().clamp(-1, 1))

        optimizer = torch.optim.Adam([coefficients], lr=self.rate)
        losses = optimize(optimizer, loss, clock, self.steps, head, callback)
        notes = (*NOTES, PAINTED) if start.head.layout == "builtin" else NOTES
        facts = clock.seconds, settings_of(self), (sentence,), notes
        return BaselineResult(head(), losses, *facts, clock.interrupted)


def linear_texture(head: HeadModel) -> LinearTexture:
    """The linear texture model of a head's layout; InputError where there is none."""
    if head.layout == "builtin":
        return painted_texture()
    if head.layout == "flame":
        return LinearTexture.load()
    raise InputError(
        f"There is no linear texture model for the layout of the head {head.source}; "
        "FlameTex needs the embedded head or FLAME."
    )


def total_loss(images: Tensor, text: Tensor, coefficients: Tensor, norm_weight: float) -> Tensor:
    """L_CLIP + λ_L2 |ω|², a scalar; eq. 23 and 26.

    images (N, D): embeddings of renders, over whose cosine distances to text (1, D), of length one,
    L_CLIP is the mean; coefficients (1, K). The norm is squared, as regularisers of this kind are:
    the plain one has no slope at ω = 0, where the method starts.
    """
    return (1 - cosines(images, text)).mean() + norm_weight * coefficients.square().sum()
